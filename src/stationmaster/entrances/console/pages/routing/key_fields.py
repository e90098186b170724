"""Forms of virtual keys. Owns: their fields, what stands in them, and from what was sent to what the service takes."""

from collections.abc import Mapping
from typing import Any, Final

from stationmaster.entrances.console.pages.acting import Sent, filled, lines, whole
from stationmaster.entrances.console.pages.parts import Field, Form, Problem, Row
from stationmaster.entrances.console.pages.routing.shared import owner_names, pool_names
from stationmaster.errors import Invalid
from stationmaster.i18n import tr
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor

_NUMBERS: Final = ("rpm", "tpm", "max_concurrency")
_BUDGETS: Final = ("day_usd", "month_usd", "total_usd")


def key_form(actor: Actor, sent: Sent | None, problem: Problem | None) -> Form:
    """Of a new key."""
    wrong = problem.fields if problem is not None else {}
    name = Field("name", tr("Name"), value=filled(sent, "name") if sent else "", error=wrong.get("name", ""),
                 help=tr("For good; after its hash if left out."))  # fmt: skip
    return Form(tr("Make the key"), "create", (name, *_common(actor, _shown(sent, {}), wrong)))


def changing_form(actor: Actor, row: Row, sent: Sent | None, problem: Problem | None) -> Form:
    """Of one that is there."""
    wrong = problem.fields if problem is not None else {}
    revision = Field("revision", "", "hidden", str(row["revision"]))
    return Form(tr("Save"), "save", (*_common(actor, _shown(sent, row), wrong), revision))


def _shown(sent: Sent | None, row: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the fields: what was sent and not taken, else what is stored."""
    if sent is not None:
        return {name: filled(sent, name) for name in sent}
    if not row:
        return {"models": "*"}
    values = {name: str(row[name] or "") for name in ("owner", "tenant", "expires", *_NUMBERS)}
    budgets = {name: f"{row['budget'][name]:g}" if row["budget"][name] else "" for name in _BUDGETS}
    return {**values, **budgets, "models": "\n".join(row["models"]), "pools": ", ".join(row["pools"])}


def _common(actor: Actor, held: Mapping[str, str], wrong: Mapping[str, str]) -> tuple[Field, ...]:
    def field(name: str, label: str, help_: str = "", **more: Any) -> Field:
        return Field(name, label, value=held.get(name, ""), help=help_, error=wrong.get(name, ""), **more)

    pools = tuple(name for name, _ in pool_names(actor))
    some = tr("Names of pools, apart by commas; empty: every pool.") + (f" {', '.join(pools[:8])}" if pools else "")
    return (
        field("owner", tr("Owner"), tr("A person's e-mail address, or the team or application whose it is."),
              options=owner_names(actor), needed=True),
        field("models", tr("Models"), tr("One a line: `gpt-*`, `claude-opus-5-5`; `*` is every model. For an alias, also the "
                                         "model that it stands for."), control="textarea", needed=True),
        field("pools", tr("Pools"), some),
        field("day_usd", tr("Budget a day, in US dollars"), tr("Empty: no limit. Days and months are those of UTC.")),
        field("month_usd", tr("Budget a month, in US dollars")),
        field("total_usd", tr("Budget in all, in US dollars")),
        field("rpm", tr("Requests a minute"), tr("Empty: no limit."), control="number"),
        field("tpm", tr("Tokens a minute"), control="number"),
        field("max_concurrency", tr("Requests at once"), control="number"),
        field("expires", tr("Ends"), tr("A date like 2027-01-31; empty: never.")),
        field("tenant", tr("Tenant"), tr("Whose files and batches it sees; the key's own when left out.")),
    )  # fmt: skip


def made_key(actor: Actor, sent: Sent) -> routing.Minted:
    """Make it. Raises `Invalid` where nobody is named whose it is."""
    given = given_of(sent)
    return routing.create_key(actor, {"name": filled(sent, "name"), **given} if filled(sent, "name") else given)


def given_of(sent: Sent) -> dict[str, Any]:
    """A key as the service takes it. Raises `Invalid`."""
    if not filled(sent, "owner"):
        raise Invalid("error.config.bad_value", "owner: is needed", fields={"owner": "is needed"})
    texts = {name: filled(sent, name) for name in ("owner", "tenant", "expires") if filled(sent, name)}
    numbers = {name: whole(sent, name) or 0 for name in _NUMBERS}
    budget = {name: dollars(filled(sent, name)) for name in _BUDGETS}
    absent = {name: "" for name in ("tenant", "expires") if name not in texts}
    names = {"models": lines(sent, "models") or ["*"], "pools": lines(sent, "pools")}
    return {**absent, **texts, **numbers, **names, "budget": budget}


def dollars(text: str) -> float | str:
    """An amount as it was typed; what is none stays a text, for the service to say so."""
    try:
        return float(text) if text else 0.0
    except ValueError:
        return text
