"""The form of a target: which fields its kind has, what stood in them, and what a test of the connection said. Owns those."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages.acting import NOT_FRESH, Sent, filled, lines, whole
from stationmaster.entrances.console.pages.filling import Filling
from stationmaster.entrances.console.pages.parts import Field, Note, Row, Section
from stationmaster.entrances.console.pages.showing import me
from stationmaster.entrances.console.views import again
from stationmaster.errors import Forbidden, NotFound, StationmasterError
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.targets.registry import KINDS

_TEXTS: Final = ("label", "base_url", "user", "secret", "disabled_reason")
_NUMBERS: Final = ("concurrency", "priority", "read_minutes", "calls_per_minute")
_LISTS: Final = ("groups", "models")
_FLAGS: Final = ("allow_insecure_http", "default", "disabled")
_USUAL: Final = {"concurrency": 0, "priority": 50, "read_minutes": 60, "calls_per_minute": 0}


@dataclass(frozen=True)
class Tried:
    """What a test said."""

    ok: bool
    words: str
    version: str = ""
    warnings: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


def tested(
    request: HttpRequest, test: Callable[[Actor, Mapping[str, Any]], Row], besides: Mapping[str, Any]
) -> Tried | HttpResponse | None:
    """Test what stands in the form, if that is what was asked for. A response: off to prove first who one is. Raises
    `Forbidden`, `NotFound`."""
    if request.method != "POST" or request.POST.get("do") != "test":
        return None
    try:
        told = test(me(request), {**given_of(request.POST, testing=True), **besides})
    except (Forbidden, NotFound) as error:
        if error.code == NOT_FRESH:
            return again(request)
        raise
    except StationmasterError as error:
        return Tried(False, " ".join(each for each in (error.message, error.hint) if each), fields=error.fields)
    return Tried(told["ok"], told["words"], told["version"], tuple(told["warnings"]))


def tried_section(tried: Tried | None) -> Section:
    """What it said, where the page looks for it."""
    return Section("", _said(tried) if tried is not None else (), "tried")


def _said(tried: Tried) -> tuple[Note, ...]:
    if not tried.ok:
        return (Note(tr("The test failed: {words}", words=tried.words), "bad"),)
    works = tr("The connection works.")
    said = tr("{works} It is {version}.", works=works, version=tried.version) if tried.version else works
    return (Note(said, "good"), *(Note(each, "busy") for each in tried.warnings))


def fields_of(sent: Sent | None, kind: str, wrong: Mapping[str, str], row: Row | None = None) -> tuple[Field, ...]:
    """The fields for a new target of this kind, or for changing `row`; what was `sent` stays, but for the secret."""
    form = Filling(sent, wrong, row, _USUAL)
    new = (form.field("name", tr("Name"), needed=True, help=tr("What it is called here, for good.")),) if row is None else ()
    return (Field("kind", "", "hidden", kind), *new, *_reached(form, kind), *_held(form, kind), *_kept(form))


def _reached(form: Filling, kind: str) -> tuple[Field, ...]:
    """How it is reached. The secret is never shown again, not even to who typed it."""
    form_of = KINDS[kind].credential
    user = {
        "user_password": (form.field("user", tr("Admin's name"), needed=not KINDS[kind].optional),),
        "key_user_id": (form.field("user", tr("Id of the user whose key it is"), needed=True),),
        "key": (),
    }[form_of]
    label = tr("Admin's password") if form_of == "user_password" else tr("Admin's key")
    kept = tr("Left empty, the stored one stays.") if form.row is not None else ""
    return (
        form.field("base_url", tr("Address"), needed=True, help=tr("Where its admin interface answers, such as https://HOST.")),
        *user,
        Field("secret", label, "password", error=form.wrong.get("secret", ""), help=kept),
        form.box("allow_insecure_http", tr("Send the secret over http:// too")),
        form.field("label", tr("What people call it")),
    )


def _held(form: Filling, kind: str) -> tuple[Field, ...]:
    """What holds for what is published there, as far as its kind keeps it."""
    keeps = KINDS[kind].keeps
    every, first = tr("Empty: every model."), tr("1 to 100; lower comes first.")
    found = [form.field("models", tr("Models"), help=every)] if "models" in keeps else []
    if "priority" in keeps:
        found.append(form.field("priority", tr("Priority"), "number", help=first))
    if "concurrency" in keeps:
        found.append(form.field("concurrency", tr("Requests at a time of each credential"), "number", help=tr("0: as it likes.")))
    if "groups" in keeps:
        found.append(form.field("groups", tr("Groups, by their ids there"), help=tr("Empty: those that are named below.")))
        found.append(form.field("group_names", tr("Groups, by their names there")))
    return tuple(found)


def _kept(form: Filling) -> tuple[Field, ...]:
    """How it is kept."""
    last = (form.box("disabled", tr("Out of use")), form.field("disabled_reason", tr("Why it is out of use")))
    return (
        form.field("read_minutes", tr("Read it back every so many minutes"), "number", help=tr("0: never by itself.")),
        form.field("calls_per_minute", tr("Calls a minute at most"), "number", help=tr("0: its kind's own rate.")),
        form.box("default", tr("Publish here where no target is named")),
        *(last if form.row is not None else ()),
    )


def given_of(sent: Sent, *, testing: bool = False) -> dict[str, Any]:
    """What the form says, for the service. `testing`: only what a connection depends on."""
    texts = {name: filled(sent, name) for name in _TEXTS if name in sent}
    flags: dict[str, Any] = {name: name in sent for name in _FLAGS}
    if testing:
        reach = {name: value for name, value in texts.items() if name in ("base_url", "user", "secret")}
        return {**reach, "allow_insecure_http": flags["allow_insecure_http"]} if reach else {}
    numbers = {name: whole(sent, name) for name in _NUMBERS if sent.get(name)}
    listed = {name: lines(sent, name) for name in _LISTS if name in sent}
    if "group_names" in sent:      # which may have spaces in them
        listed["group_names"] = [each.strip() for each in sent.get("group_names", "").split(",") if each.strip()]
    return {**texts, **flags, **numbers, **listed}
