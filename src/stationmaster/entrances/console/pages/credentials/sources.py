"""Where a credential's short-lived secret comes from: on its page how its refreshing stands, and a form for each kind that
credentials of its vendor can have; where credentials are added, a form for each kind that makes one together with it. Owns those
sections and what their forms do."""

from collections.abc import Mapping
from typing import Any, Final, get_args, get_type_hints

import msgspec
from django.http import HttpRequest, QueryDict

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, version, whole
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Control,
    Facts,
    Field,
    Form,
    Note,
    Problem,
    Row,
    Section,
    code,
    flag,
    moment,
    text,
)
from stationmaster.entrances.console.pages.showing import may
from stationmaster.errors import NotFound
from stationmaster.i18n import tr
from stationmaster.issuers.registry import KINDS, Kind
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import VENDORS

_OPTION: Final = "option_"
_SLOT: Final = ("vendor", "base_url", "organisation")     # what makes a credential, beside its name
_LONG: Final = frozenset({"entra", "google", "aws"})      # kinds whose secret is a document


def sections(request: HttpRequest, actor: Actor, row: Row, problem: Problem | None) -> list[Section]:
    """What is known of its source, and how it is set; nothing where there is none and none can be set."""
    source = _source(actor, row)
    kinds = [kind for kind in KINDS.values() if row["vendor"] in kind.vendors]
    parts: list[Any] = [*_shown(request, source)]
    if may(request, "credentials:source"):
        parts += [_form(kind, source, problem) for kind in kinds]
        parts += [Form(tr("Forget the source"), "source_remove", quiet=True)] if source else []
    return [Section(tr("Where its secret comes from"), tuple(parts), "source")] if parts else []


def actions(which: str) -> dict[str, Action]:
    """What its forms do."""
    return {
        "refresh": lambda actor, _: _refreshed(actor, which),
        "source": lambda actor, sent: _put(actor, which, sent),
        "source_remove": lambda actor, _: _removed(actor, which),
    }


def making(request: HttpRequest, sent: Sent, problem: Problem | None) -> list[Section]:
    """A form for each kind, which makes a credential that has its secret from there. `sent` and `problem`: of the one that was
    sent and not taken."""
    if not may(request, "credentials:source"):
        return []
    said = Note(tr("Its secret is fetched within seconds, and replaced before it ends. Until the first one is there, nothing is "
                   "sent with the credential."))  # fmt: skip
    return [Section(tr("Have its secret come from elsewhere"), (said, *(_new(kind, sent, problem) for kind in KINDS.values())))]


def made(actor: Actor, sent: Sent) -> Went:
    """Make a credential with its source; one that is there already is refused."""
    given = {**_given(sent), **{name: filled(sent, name) for name in _SLOT}}
    row = credentials.put_source(actor, filled(sent, "name"), given, new=True)
    which = credentials.get_credential(actor, row["credential"])["id"]
    return Went(f"/credentials/{which}", tr("Saved: its secret is fetched within seconds."))


def _source(actor: Actor, row: Row) -> Row | None:
    try:
        return credentials.get_source(actor, row["id"])
    except NotFound:
        return None


def _shown(request: HttpRequest, source: Row | None) -> list[Any]:
    if source is None:
        return []
    facts = [
        (tr("Comes from"), text(KINDS[source["kind"]].title)),
        (tr("Refreshing"), words.state(words.REFRESHING, source["refresh"], note=source["last_words"])),
        (tr("Ends"), moment(source["expires_at"])),
        (tr("Refreshed next"), moment(source["refresh_at"])),
        (tr("Refreshed last"), moment(source["refreshed_at"])),
    ]
    if source["failures"]:
        facts.append((tr("Failures in a row"), Cell(str(source["failures"]), note=source["last_error"])))
    facts += [(name, code(value) if isinstance(value, str) else _plain(value)) for name, value in source["options"].items()]
    refreshing = may(request, "credentials:refresh") and source["refresh"] != "needs_you"
    return [Facts(tuple(facts)), *((Form(tr("Refresh it now"), "refresh"),) if refreshing else ())]


def _plain(value: Any) -> Cell:
    return flag(value) if isinstance(value, bool) else Cell(str(value))


def _form(kind: Kind, source: Row | None, problem: Problem | None) -> Form:
    """The form that gives a credential that is there this kind of source, or changes it."""
    mine = source if source is not None and source["kind"] == kind.name else None
    wrong = problem.fields if problem is not None else {}
    fields = _parts(kind, mine["options"] if mine else {}, mine, wrong)
    hidden = (Field("kind", "", "hidden", kind.name), Field("revision", "", "hidden", str(mine["revision"]) if mine else ""))
    ours = {"kind", "options", "secret", "refresh_token", *(field.name for field in msgspec.structs.fields(kind.shape))}
    folded = tr("Change it: {kind}", kind=kind.title) if mine else tr("Have it come from {kind}", kind=kind.title)
    return Form(tr("Save"), "source", (*fields, *hidden), folded="" if ours & wrong.keys() else folded)


def _new(kind: Kind, sent: Sent, problem: Problem | None) -> Form:
    """The form that makes a credential with this kind of source; what was sent and not taken stands in it again, but secrets."""
    mine = problem is not None and filled(sent, "kind") == kind.name
    typed, wrong = (sent, problem.fields) if mine and problem is not None else (QueryDict(), {})
    vendors = tuple((name, VENDORS[name].title) for name in sorted(kind.vendors))
    slot = (
        Field("name", tr("Name"), value=filled(typed, "name"), error=wrong.get("name", ""), needed=True),
        Field("vendor", tr("Vendor"), "select", filled(typed, "vendor"), vendors, error=wrong.get("vendor", "")),
        Field("base_url", tr("Another address than the vendor's own"), value=filled(typed, "base_url"),
              error=wrong.get("base_url", "")),
        Field("organisation", tr("Organisation"), value=filled(typed, "organisation"), error=wrong.get("organisation", "")),
    )  # fmt: skip
    held = _options(kind, typed) if mine else {}
    fields = (*slot, *_parts(kind, held, None, wrong), Field("kind", "", "hidden", kind.name))
    return Form(tr("Make it"), "source", fields, folded="" if mine else tr("Have it come from {kind}", kind=kind.title))


def _parts(kind: Kind, held: Mapping[str, Any], mine: Row | None, wrong: Mapping[str, str]) -> list[Field]:
    """Its public parts by their own names, which documentation and files have too; sealed parts are never filled in."""
    hints = get_type_hints(kind.shape, include_extras=True)
    fields = [_field(field, hints[field.name], held, wrong) for field in msgspec.structs.fields(kind.shape)]
    if kind.secret:
        control: Control = "textarea" if kind.name in _LONG else "password"
        fields.append(Field("secret", tr("Secret"), control, help=_kept(mine, "secret_set"), error=wrong.get("secret", "")))
    if kind.rotates:
        fields.append(Field("refresh_token", tr("Refresh token"), "password", help=_kept(mine, "refresh_token_set"),
                            error=wrong.get("refresh_token", "")))  # fmt: skip
    return fields


def _kept(mine: Row | None, name: str) -> str:
    """What an empty field means."""
    return tr("Empty: as it is stored.") if mine and mine[name] else ""


def _field(field: Any, hint: Any, held: Mapping[str, Any], wrong: Mapping[str, str]) -> Field:
    """One public part: a choice, yes or no, or a text."""
    name, value = field.name, held.get(field.name, field.default)
    meta = next((each for each in get_args(hint) if isinstance(each, msgspec.Meta) and each.description), None)
    said = str(meta.description) if meta is not None else ""
    shown = (_OPTION + name, name)
    if isinstance(field.default, bool):
        return Field(*shown, "checkbox", checked=bool(value), error=wrong.get(name, ""))
    if said.startswith("one of "):
        options = tuple((each, each) for each in said.removeprefix("one of ").split(", "))
        return Field(*shown, "select", str(value), options, error=wrong.get(name, ""))
    return Field(*shown, "number" if isinstance(field.default, int) else "text", str(value or ""), error=wrong.get(name, ""))


def _refreshed(actor: Actor, which: str) -> Went:
    credentials.refresh_credential(actor, which, {})
    return Went(told=tr("It is refreshed within seconds."))


def _removed(actor: Actor, which: str) -> Went:
    credentials.delete_source(actor, which)
    return Went(told=tr("Forgotten: its secret serves until it ends."))


def _put(actor: Actor, which: str, sent: Sent) -> Went:
    credentials.put_source(actor, which, _given(sent), version(sent))
    return Went(told=tr("Saved: its secret is fetched within seconds."))


def _given(sent: Sent) -> dict[str, Any]:
    """A source as the service takes it."""
    kind = KINDS.get(filled(sent, "kind"))
    return {"kind": filled(sent, "kind"), "options": _options(kind, sent) if kind else {}, "secret": filled(sent, "secret"),
            "refresh_token": filled(sent, "refresh_token")}  # fmt: skip


def _options(kind: Kind, sent: Sent) -> dict[str, Any]:
    """The public parts that were filled in."""
    found = {field.name: _read(field, sent) for field in msgspec.structs.fields(kind.shape)}
    return {name: value for name, value in found.items() if value not in ("", None)}


def _read(field: Any, sent: Sent) -> Any:
    name = _OPTION + field.name
    if isinstance(field.default, bool):
        return bool(sent.get(name))
    return whole(sent, name) if isinstance(field.default, int) else filled(sent, name)
