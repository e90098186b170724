"""The Markdown page of a run, and its short form for the terminal."""

from collections.abc import Mapping, Sequence

from bench import report
from bench.cells import Failure

METHOD = f"""\
The gateway has one core, its vendor and the load another. CPU is user and system time of all the
gateway's processes. Per request: read at 60 % of the rate the gateway reaches when pushed, on up to 64
kept connections, with the 17 headers of an SDK and half a kilobyte of answer. Many sessions: each request names
one of 1,000, of which every one is replaced by a new one after 20 requests; CPU is that per request answered
2xx. Per event: 200 streams, each a session, of 50 events a second, 200 bytes each, or as many as 60 % of the
core carries. Added time: one connection, 1 KB, minus the same call made to the vendor directly. Memory is
resident memory, without the kernel's socket buffers. nginx and Stationmaster: median of the rounds, {report.TIMES} is
the median of the ratios within a round; the others were measured once."""


CHOOSING = f"""\
One pool of equal members; 20,000 different sessions choose in turn, in one thread, nothing else around it. CPU time,
the best of several passes, each of which measures all sizes. {report.TIMES} is the ratio to 10 credentials. The ring is
built when a pool's members change, not for a request."""


def summary(found: Sequence[report.Figure], failures: Sequence[Failure]) -> str:
    """The table, what we lose, what is missing."""
    return "\n".join([*report.table(found), "", *_choosing(found), *_judgement(found, failures)])


def whole(name: str, found: Sequence[report.Figure], failures: Sequence[Failure], about: Mapping[str, object]) -> str:
    """The page in the results folder."""
    lines = ["# What gateways cost", "", *_where(about), "", *report.table(found), ""]
    lines += [f"![CPU per request and per event]({name}.svg)", "", *_choosing(found), *_judgement(found, failures)]
    return "\n".join([*lines, "", METHOD, ""])


def _choosing(found: Sequence[report.Figure]) -> list[str]:
    """The section about choosing a credential, if that was measured."""
    table = report.choices(found)
    return ["## Choosing a credential", "", *table, "", CHOOSING, ""] if table else []


def _where(about: Mapping[str, object]) -> list[str]:
    here, tools, gateways = about["machine"], about["tools"], about["gateways"]
    assert isinstance(here, dict)
    assert isinstance(tools, dict)
    assert isinstance(gateways, dict)
    quick = " Short runs: a smoke test, not figures to quote." if about["quick"] else ""
    return [
        f"{about['date']}. {here['cpu']}, {here['cores']} cores, {here['memory_gib']} GiB, Linux {here['kernel']}."
        + quick,
        "",
        ", ".join(f"{report.TITLES[name]} {version}" for name, version in gateways.items())
        + "; "
        + ", ".join(f"{name} {version}" for name, version in tools.items() if name != "nginx")
        + ".",
    ]


def _judgement(found: Sequence[report.Figure], failures: Sequence[Failure]) -> list[str]:
    judged = report.verdicts(found)
    missed = report.lost(judged)
    met = [verdict.line() for verdict in judged if verdict.met]
    lines = [f"Cells we lose: {'; '.join(missed) if missed else 'none of those measured'}."]
    if met:
        lines += ["", f"Targets met: {'; '.join(met)}."]
    if disturbed := report.disturbed(found):
        lines += ["", f"Somebody else used the gateway's core during: {'; '.join(disturbed)}."]
    return lines + _missing(failures)


def _missing(failures: Sequence[Failure]) -> list[str]:
    """A line for each reason."""
    cells: dict[tuple[str, str], list[str]] = {}
    for one in failures:
        cells.setdefault((one.gateway, one.reason), []).append(one.cell)
    lines = [
        f"Not measured: {gateway} {', '.join(dict.fromkeys(names))}: {reason}"
        for (gateway, reason), names in cells.items()
    ]
    return ["", *lines] if lines else []
