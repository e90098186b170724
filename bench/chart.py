"""A chart of two panels, drawn by hand as SVG: CPU per request and per event, on a logarithmic scale."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.report import LIMIT, ROWS, TIMES, TITLES, US, Figure

PANELS = ("request-1k", "event")
WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 760, 160, 180, 22, 10, 46

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2937; }
  .title { font-weight: 600; }
  .faint { fill: #6b7280; font-size: 11px; }
  .grid { stroke: #d1d5db; stroke-width: 1; }
  .bar { fill: #94a3b8; }
  .ours { fill: #0f766e; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb; }
    .faint { fill: #9ca3af; }
    .grid { stroke: #374151; }
    .bar { fill: #64748b; }
    .ours { fill: #2dd4bf; }
  }
"""


def draw(found: Sequence[Figure]) -> str:
    """The whole SVG; panels without figures are left out."""
    parts: list[str] = []
    top = 0
    for cell in PANELS:
        bars = sorted((one for one in found if one.cell == cell), key=lambda one: one.value)
        if bars:
            parts += _panel(bars, top)
            top += HEAD + len(bars) * (BAR + GAP) + 2 * GAP
    body = "\n".join(parts)
    label = "CPU cost of four gateways"
    size = f'viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">'
    return f"{head}\n<style>{STYLE}</style>\n{body}\n</svg>\n"


def _panel(bars: Sequence[Figure], top: int) -> list[str]:
    low = math.floor(math.log10(min(one.value for one in bars)))
    high = math.ceil(math.log10(max(one.value for one in bars)) + 1e-9)
    bottom = top + HEAD + len(bars) * (BAR + GAP)
    parts = [f'<text class="title" x="0" y="{top + 18}">{escape(ROWS[bars[0].cell])}, logarithmic</text>']
    for power in range(low, high + 1):
        x = _x(10**power, low, high)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top + HEAD - 6}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(
            f'<text class="faint" x="{x:.1f}" y="{top + HEAD - 10}" text-anchor="middle">{10**power:,g}</text>'
        )
    for place, one in enumerate(bars):
        parts += _bar(one, top + HEAD + place * (BAR + GAP), low, high)
    return parts


def _bar(one: Figure, y: int, low: int, high: int) -> list[str]:
    end = max(LEFT + 2, _x(one.value, low, high))
    kind = "bar ours" if one.gateway == US else "bar"
    number = f"{one.value:,.0f}" if one.value >= 100 else f"{one.value:.1f}"
    ratio = f" · {one.times_nginx:,.1f} {TIMES} nginx" if one.times_nginx and one.gateway != LIMIT else ""
    middle = y + BAR - 7
    return [
        f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{escape(TITLES[one.gateway])}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" rx="3"/>',
        f'<text x="{end + 6:.1f}" y="{middle}">{number}{ratio}</text>',
    ]


def _x(value: float, low: int, high: int) -> float:
    share = (math.log10(value) - low) / max(1, high - low)
    return LEFT + share * (WIDTH - LEFT - RIGHT)
