"""From readings to figures, targets, JSON and a Markdown table. Pure: what it needs, it is given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from bench.cells import Failure, Reading

LIMIT = "nginx"
TIMES = "\N{MULTIPLICATION SIGN}"
DISTURBED = 0.05
US = "stationmaster"

ROWS = {
    "request-1k": "CPU per request, 1 KB body (µs)",
    "request-sessions": "CPU per request, 1 KB body, many sessions (µs)",
    "request-10k": "CPU per request, 10 KB body (µs)",
    "request-100k": "CPU per request, 100 KB body (µs)",
    "request-1m": "CPU per request, 1 MB body (µs)",
    "event": "CPU per SSE event (µs)",
    "added-p50": "added to one call, p50 (µs)",
    "added-p99": "added to one call, p99 (µs)",
    "idle": "resident memory of an idle worker (MiB)",
    "open": "resident memory per open stream (KiB)",
}
CHOICES = {"choice-10": 10, "choice-1000": 1_000, "choice-10000": 10_000}  # credentials; a table of their own
TITLES = {
    "nginx": "nginx (reverse proxy)",
    "stationmaster": "Stationmaster",
    "governed": "Stationmaster, governed",
    "governed-pool": "Stationmaster, governed, ten credentials",
    "traced-tenth": "Stationmaster, a tenth traced",
    "traced": "Stationmaster, all traced",
    "portkey": "Portkey gateway",
    "litellm": "LiteLLM",
}


# Rows made of other rows' details: cell, title, detail, format.
BENEATH = (
    ("request-1k", "most requests per second on its core, 1 KB", "saturation_rps", ",.0f"),
    ("request-sessions", "the same, many sessions", "saturation_rps", ",.0f"),
    ("request-sessions", "answered 2xx, many sessions", "success_share", ".2%"),
)


@dataclass(frozen=True)
class Target:
    """What Stationmaster is to stay under; `times_nginx` and `times_least` (of `CHOICES`, the fewest credentials)
    compare the ratio, not the value.
    """

    cell: str
    most: float
    times_nginx: bool = False
    gateway: str = US
    times_least: bool = False


TARGETS = (
    Target("request-1k", 2.2, times_nginx=True),
    Target("event", 1.6, times_nginx=True),
    Target("request-1k", 2.8, times_nginx=True, gateway="governed"),
    Target("event", 1.8, times_nginx=True, gateway="governed"),
    Target("request-1k", 2.8, times_nginx=True, gateway="governed-pool"),
    Target("request-sessions", 2.8, times_nginx=True, gateway="governed-pool"),
    Target("event", 1.8, times_nginx=True, gateway="governed-pool"),
    Target("idle", 60),
    Target("open", 60),
    Target("choice-10000", 3, times_least=True),
)


@dataclass(frozen=True)
class Figure:
    """One gateway's figure for one cell: the median of its rounds, beside nginx in the same rounds."""

    gateway: str
    cell: str
    unit: str
    value: float
    low: float
    high: float
    rounds: int
    times_nginx: float | None
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether a target is met; `value` is None where there was nothing to compare."""

    cell: str
    most: float
    times_nginx: bool
    value: float | None
    gateway: str = US
    times_least: bool = False

    @property
    def met(self) -> bool:
        """At or under the target."""
        return self.value is not None and self.value <= self.most

    def line(self) -> str:
        """In words."""
        unit = f" {TIMES} nginx" if self.times_nginx else f" {TIMES} of 10" if self.times_least else ""
        seen = "not measured" if self.value is None else f"{self.value:.2f}{unit}"
        whose = "" if self.gateway == US else f" ({self.gateway})"
        return f"{title(self.cell)}{whose}: {seen}, target ≤ {self.most:g}{unit}"


def title(cell: str) -> str:
    """What a cell measures, in words."""
    return ROWS.get(cell) or f"choosing one of {CHOICES[cell]:,} credentials"


def figures(readings: Sequence[Reading]) -> list[Figure]:
    """Medians and ratios, in the order of the table."""
    grouped: dict[tuple[str, str], list[Reading]] = {}
    for reading in readings:
        grouped.setdefault((reading.cell, reading.gateway), []).append(reading)
    limit = {cell: {one.round: one.value for one in group} for (cell, name), group in grouped.items() if name == LIMIT}
    found = [_figure(group, limit.get(cell, {})) for (cell, _), group in grouped.items()]
    cells, names = [*ROWS, *CHOICES], list(TITLES)
    return sorted(found, key=lambda one: (cells.index(one.cell), names.index(one.gateway)))


def verdicts(found: Iterable[Figure]) -> list[Verdict]:
    """Every target against what was measured."""
    measured = {(one.gateway, one.cell): one for one in found}
    return [_verdict(target, measured.get((target.gateway, target.cell))) for target in TARGETS]


def as_json(
    found: Sequence[Figure], readings: Sequence[Reading], failures: Sequence[Failure], about: Mapping[str, object]
) -> dict[str, object]:
    """Everything, for machines."""
    judged = verdicts(found)
    return {
        **about,
        "figures": [asdict(one) for one in found if one.cell not in CHOICES],
        "choosing": [{"credentials": CHOICES[one.cell], **asdict(one)} for one in found if one.cell in CHOICES],
        "targets": [{**asdict(one), "met": one.met} for one in judged],
        "lost": lost(judged),
        "not_measured": [asdict(one) for one in failures],
        "readings": [asdict(one) for one in readings],
    }


def lost(judged: Sequence[Verdict]) -> list[str]:
    """The targets that were measured and missed."""
    return [one.line() for one in judged if one.value is not None and not one.met]


def table(found: Sequence[Figure]) -> list[str]:
    """A Markdown table, a row a cell, a column a gateway; bare cells were not measured. `choices` has its own."""
    names = [name for name in TITLES if any(one.gateway == name and one.cell in ROWS for one in found)]
    if not names:
        return []
    by_place = {(one.cell, one.gateway): one for one in found}
    lines = [f"| | {' | '.join(TITLES[name] for name in names)} |", "|---|" + "---:|" * len(names)]
    for cell, what in ROWS.items():
        row = [by_place.get((cell, name)) for name in names]
        if any(row):
            lines.append(f"| {what} | {' | '.join(_entry(one) for one in row)} |")
    for cell, what, detail, style in BENEATH:
        row = [by_place.get((cell, name)) for name in names]
        if any(row):
            entries = [format(one.details[detail], style) if one else "" for one in row]
            lines.append(f"| {what} | {' | '.join(entries)} |")
    return lines


def choices(found: Sequence[Figure]) -> list[str]:
    """A Markdown table of what choosing costs, a column a number of credentials; nothing where it was not measured."""
    measured = [one for one in found if one.cell in CHOICES]
    if not measured:
        return []
    head = " | ".join(f"{CHOICES[one.cell]:,}" for one in measured)
    rows = {
        "one choice (µs)": [f"{one.value:.2f} ({one.details['times_least']:.1f} {TIMES})" for one in measured],
        "one choice, a fifth of them out of service (µs)": [f"{one.details['troubled_us']:.2f}" for one in measured],
        "building the ring (ms)": [f"{one.details['ring_ms']:,.1f}" for one in measured],
    }
    lines = [f"| credentials | {head} |", "|---|" + "---:|" * len(measured)]
    return lines + [f"| {name} | {' | '.join(entries)} |" for name, entries in rows.items()]


def _entry(one: Figure | None) -> str:
    if one is None:
        return ""
    number = f"{one.value:,.0f}" if one.value >= 100 else f"{one.value:.1f}"
    ratio = "" if one.times_nginx is None or one.gateway == LIMIT else f" ({one.times_nginx:,.1f} {TIMES})"
    streams = f" with {one.details['streams']:,.0f} streams" if one.cell in ("event", "open") else ""
    return number + ratio + streams


def _figure(group: Sequence[Reading], limit: Mapping[int, float]) -> Figure:
    values = [one.value for one in group]
    ratios = [one.value / base for one in group if (base := _beside(one, len(values), limit)) > 0]
    first = group[0]
    return Figure(
        gateway=first.gateway,
        cell=first.cell,
        unit=first.unit,
        value=median(values),
        low=min(values),
        high=max(values),
        rounds=len(values),
        times_nginx=median(ratios) if ratios else None,
        details={name: median(one.details.get(name, 0.0) for one in group) for name in _details(group)},
    )


def _details(group: Sequence[Reading]) -> Iterable[str]:
    """Of all details, in the order of their first appearance."""
    return dict.fromkeys(name for one in group for name in one.details)


def _beside(one: Reading, rounds: int, limit: Mapping[int, float]) -> float:
    """What nginx cost in the same round; for a gateway measured once, in the middle of its rounds."""
    if not limit or (rounds > 1 and one.round not in limit):
        return 0.0
    return limit[one.round] if rounds > 1 else median(limit.values())


def disturbed(found: Sequence[Figure]) -> list[str]:
    """Figures during which others kept the gateway's core busy for more than `DISTURBED` of the time."""
    return [
        f"{TITLES[one.gateway]}, {title(one.cell)} ({share:.0%})"
        for one in found
        if (share := one.details.get("others_share", 0.0)) > DISTURBED
    ]


def _verdict(target: Target, ours: Figure | None) -> Verdict:
    return Verdict(
        target.cell, target.most, target.times_nginx, _value(target, ours), target.gateway, target.times_least
    )


def _value(target: Target, ours: Figure | None) -> float | None:
    if ours is None:
        return None
    if target.times_nginx:
        return ours.times_nginx
    return ours.details["times_least"] if target.times_least else ours.value
