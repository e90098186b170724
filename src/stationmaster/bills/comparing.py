"""What a vendor says beside what we counted. Owns the comparison: which figures, in which unit, what follows from them.

Values in, values out: no clock, no rows, no Django.

Rules:
- A day is [00:00, 24:00) UTC. The vendor's rows are of the day in which they begin; ours of the day in which a request ended.
  What ran over midnight may stand on this side of it in one report, and on that side in the other.
- The measure is tokens, input and output together; requests where the vendor counts no tokens for the day; cost where it tells
  nothing else. Whole numbers are compared, nothing is rounded before; a rate that is shown is rounded down.
- Money is compared in US dollars only. A price that we do not know makes our cost unknown, and no zero.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

from stationmaster.vendors._base import CostRow, UsageRow

Verdict = Literal["none", "unmetered", "open", "late", "agrees", "low", "high"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
ALARMING: Final[frozenset[Verdict]] = frozenset({"low", "high"})
USD: Final = "USD"
DAY: Final = timedelta(days=1)

# Of a model's name, the date of its release, which vendors add in reports: gpt-5-2026-08-07, claude-sonnet-5-20260929.
_DATED: Final = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True)
class Used:
    """One side's figures. `cost` None: not known."""

    requests: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    cost: int | None = None

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input + self.output

    def __add__(self, other: "Used") -> "Used":
        """Both together; a cost that one of them does not know counts as the other's."""
        known = [each.cost for each in (self, other) if each.cost is not None]
        return Used(self.requests + other.requests, self.input + other.input, self.cached + other.cached,
                    self.output + other.output, sum(known) if known else None)  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """What gateways counted of one credential and model. `unpriced`: requests whose price is not known."""

    credential: str
    model: str
    used: Used
    unpriced: int = 0


@dataclass(frozen=True)
class Owners:
    """Whose is what: credentials (by name) by the vendor's id of their keys, and of their service accounts."""

    keys: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)

    def of(self, row: UsageRow | CostRow) -> str:
        """The credential that a row is about; empty: none of ours."""
        return self.keys.get(row.key, "") if row.key else self.members.get(row.member, "")


@dataclass(frozen=True)
class Part:
    """Both sides of one credential (or one foreign key) and model."""

    credential: str
    key: str
    model: str
    theirs: Used = field(default_factory=Used)
    ours: Used = field(default_factory=Used)


@dataclass(frozen=True)
class Compared:
    """A day. `rate` in hundredths of a per cent; `past`: of theirs, what came by nobody's key that is known here."""

    theirs: Used
    ours: Used
    past: Used
    parts: tuple[Part, ...]
    measure: str
    rate: int | None
    verdict: Verdict
    currency: str
    cycle_cost: int | None


@dataclass(frozen=True)
class Rules:
    """By what a day is judged. `served`: gateways can use this vendor's credentials; `over`: the day has ended; `settled`: the
    vendor's figures do not change any more; `threshold` in per cent."""

    threshold: int
    served: bool = True
    over: bool = True
    settled: bool = True


def compare(
    day: datetime, usage: Iterable[UsageRow], costs: Iterable[CostRow], ours: Iterable[Counted], owners: Owners, rules: Rules
) -> Compared:
    """One day of both sides. `day` is its beginning; rows of other days are left out."""
    billed, counted = list(costs), list(ours)
    daily = [row for row in billed if row.end - row.start <= DAY and _of(row, day)]
    currencies = sorted({row.currency.upper() for row in daily})
    parts = _joined(_theirs(day, usage, daily, owners), counted)
    theirs, past = _sum(part.theirs for part in parts), _sum(part.theirs for part in parts if not part.credential)
    if len(currencies) > 1:      # there is no sum of two currencies
        theirs, past = replace(theirs, cost=None), replace(past, cost=None)
    mine = _sum(part.ours for part in parts)
    mine = replace(mine, cost=None) if any(each.unpriced for each in counted) else mine
    currency = currencies[0] if len(currencies) == 1 else ""
    measure = _measure(theirs, mine, comparable=currency == USD)
    rate, verdict = judge(_amount(theirs, measure), _amount(mine, measure), rules)
    return Compared(theirs, mine, past, parts, measure, rate, verdict, currency, _cycle(day, billed))


def judge(theirs: int, ours: int, rules: Rules) -> tuple[int | None, Verdict]:
    """The rate, and what follows. Vendors' figures come late and only grow: too little of ours is believed at once, too much
    not before the day is settled."""
    rate = ours * 10_000 // theirs if theirs else None
    if not theirs and not ours:
        return rate, "none"
    if not rules.served:
        return None, "unmetered"      # nothing could be captured, which is not that nothing was
    if not rules.over:
        return rate, "open"
    if ours * 100 < theirs * rules.threshold:
        return rate, "low"
    if theirs * 100 < ours * rules.threshold:
        return rate, "high" if rules.settled else "late"
    return rate, "agrees"


def plain_model(name: str) -> str:
    """A model's name without the date of its release."""
    return _DATED.sub("", name)


def _theirs(
    day: datetime, usage: Iterable[UsageRow], costs: Iterable[CostRow], owners: Owners
) -> dict[tuple[str, str, str], Used]:  # fmt: skip
    """The vendor's figures by credential, foreign key and model."""
    found: dict[tuple[str, str, str], Used] = {}
    for row in usage:
        if _of(row, day):
            used = Used(row.requests, row.input_tokens, row.cached_tokens, row.output_tokens)
            where = _place(owners.of(row), row, row.model)
            found[where] = found.get(where, Used()) + used
    for bill in costs:
        where = _place(owners.of(bill), bill, bill.item.partition(",")[0].strip())      # "gpt-5, input" at OpenAI
        found[where] = found.get(where, Used()) + Used(cost=bill.amount_nano)
    return found


def _place(credential: str, row: UsageRow | CostRow, model: str) -> tuple[str, str, str]:
    return (credential, "" if credential else row.key or row.member, plain_model(model))


def _joined(theirs: Mapping[tuple[str, str, str], Used], ours: Iterable[Counted]) -> tuple[Part, ...]:
    """Both sides beside each other, what is ours first."""
    parts = {where: Part(*where, theirs=used) for where, used in theirs.items()}
    for each in ours:
        where = (each.credential, "", plain_model(each.model))
        part = parts.get(where, Part(*where))
        used = replace(each.used, cost=None) if each.unpriced else each.used
        parts[where] = replace(part, ours=part.ours + used)
    return tuple(parts[where] for where in sorted(parts, key=lambda where: (not where[0], where)))


def _measure(theirs: Used, ours: Used, *, comparable: bool) -> str:
    if theirs.tokens:
        return "tokens"
    if theirs.requests:
        return "requests"
    if theirs.cost and comparable and ours.cost is not None:
        return "cost"
    return "tokens" if ours.tokens else "requests" if ours.requests else ""


def _amount(used: Used, measure: str) -> int:
    return {"tokens": used.tokens, "requests": used.requests, "cost": used.cost or 0}.get(measure, 0)


def _cycle(day: datetime, costs: Iterable[CostRow]) -> int | None:
    """What a vendor tells of a whole billing cycle that holds the day."""
    found = [row.amount_nano for row in costs if row.end - row.start > DAY and row.start <= day < row.end]
    return sum(found) if found else None


def _of(row: UsageRow | CostRow, day: datetime) -> bool:
    return day <= row.start.astimezone(UTC) < day + DAY


def _sum(parts: Iterable[Used]) -> Used:
    return sum(parts, Used())
