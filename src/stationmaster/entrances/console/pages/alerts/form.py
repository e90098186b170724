"""Forms of alerts. Owns: their fields, what stands in them, and from what was sent to what the service takes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from stationmaster.alerts import services as alerts
from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.acting import Sent, filled, lines
from stationmaster.entrances.console.pages.parts import Control, Field, Form, Problem, Row
from stationmaster.i18n import LANGUAGES, tr

_USUAL: Final = {"budget_percent": "50, 80, 100", "expiry_days": "30, 7, 1", "pool_minimum": "1"}
_NUMBERS: Final = ("budget_percent", "expiry_days")
_TONGUES: Final = {"en": "English", "zh-CN": "简体中文"}


def new_form(channel: str, sent: Sent | None, problem: Problem | None) -> Form:
    """Of a new one."""
    filling = _Filling(sent, problem, None)
    name = filling.field("name", tr("Name"), tr("What it is called here, for good."), needed=True)
    return Form(tr("Make the alert"), "create", (Field("channel", "", "hidden", channel), name, *_common(filling, channel)))


def changing_form(row: Row, sent: Sent | None, problem: Problem | None) -> Form:
    """Of one that is there."""
    revision = Field("revision", "", "hidden", str(row["revision"]))
    return Form(tr("Save"), "save", (*_common(_Filling(sent, problem, row), row["channel"]), revision))


class _Filling:
    """What stands in the fields: what was sent and not taken, else what is stored, else what is usual."""

    def __init__(self, sent: Sent | None, problem: Problem | None, row: Row | None) -> None:
        self.sent, self.row = sent, row
        found = problem.fields if problem is not None else {}
        self.wrong: Mapping[str, str] = {name.partition("[")[0]: why for name, why in found.items()}  # one of a list

    def field(self, name: str, label: str, help_: str = "", control: Control = "text", **more: Any) -> Field:
        """A field of text."""
        return Field(name, label, control, self._now(name), help=help_, error=self.wrong.get(name, ""), **more)

    def box(self, name: str, label: str, *, held: bool, error: str = "") -> Field:
        """A box; `held`: whether what is stored has it ticked."""
        return Field(name, label, "checkbox", checked=name in self.sent if self.sent is not None else held, error=error)

    def _now(self, name: str) -> str:
        if self.sent is not None:
            return filled(self.sent, name)
        value = self.row[name] if self.row is not None else _USUAL.get(name, "")
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _common(filling: _Filling, channel: str) -> tuple[Field, ...]:
    held = filling.row["kinds"] if filling.row is not None else ()
    kinds = tuple(filling.box(f"kind-{each}", words.name(words.ALERT_KINDS, each), held=each in held) for each in alerts.KINDS)
    kinds = (replace(kinds[0], help=tr("What it is told of; nothing ticked: everything.")), *kinds[1:])
    return (
        *(_of_webhook(filling) if channel == "webhook" else _of_mail(filling)),
        *kinds,
        filling.field("watches", tr("Only what is called"),
                      tr("Names or patterns such as `team-*`, apart by commas; empty: every name.")),
        filling.field("budget_percent", tr("Per cents of a budget"), tr("Apart by commas.")),
        filling.field("expiry_days", tr("Days before a credential ends"), tr("Apart by commas.")),
        filling.field("pool_minimum", tr("Members in service that a pool should have"), control="number"),
        _language(filling),
    )  # fmt: skip


def _of_webhook(filling: _Filling) -> tuple[Field, ...]:
    insecure = bool(filling.row and filling.row["allow_insecure_http"])
    return (
        filling.field("url", tr("Address"), tr("Where messages are posted, such as https://HOST/PATH."), needed=True),
        filling.box("allow_insecure_http", tr("Send over http:// too"), held=insecure),
    )


def _of_mail(filling: _Filling) -> tuple[Field, ...]:
    return (filling.field("addresses", tr("E-mail addresses"), tr("Apart by commas or lines."), "textarea", needed=True),)


def _language(filling: _Filling) -> Field:
    options = (("", tr("that of the installation's mail")), *((each, _TONGUES.get(each, each)) for each in LANGUAGES))
    return filling.field("language", tr("Language of messages"), control="select", options=options)


def given_of(sent: Sent) -> dict[str, Any]:
    """An alert as the service takes it."""
    numbers = {name: [int(each) if each.isascii() and each.isdecimal() and len(each) < 10 else each for each in lines(sent, name)]
               for name in _NUMBERS}  # fmt: skip
    least = filled(sent, "pool_minimum")
    place = {"url": filled(sent, "url")} if "url" in sent else {"addresses": lines(sent, "addresses")}
    return {
        **place, **numbers, "language": filled(sent, "language"), "watches": _patterns(sent),
        "kinds": [each for each in alerts.KINDS if f"kind-{each}" in sent], "allow_insecure_http": "allow_insecure_http" in sent,
        "pool_minimum": int(least) if least.isascii() and least.isdecimal() and len(least) < 10 else least or 1,
    }  # fmt: skip


def _patterns(sent: Sent) -> list[str]:
    """Names may have spaces in them."""
    return [each.strip() for each in filled(sent, "watches").replace("\n", ",").split(",") if each.strip()]
