"""What templates can say beside Django's own tags. Owns: words, code in words, icons, figures, and ids of their own."""

from typing import Any, Final

from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from stationmaster.entrances.console import agents
from stationmaster.entrances.console.assets import ICON_FILE
from stationmaster.entrances.console.icons import ICONS
from stationmaster.entrances.console.pages.parts import DASH, Cell
from stationmaster.i18n import tr as translated

register = template.Library()
_STATES: Final = {"good": "circle-check", "busy": "progress", "bad": "alert-triangle", "off": "circle-minus"}
_IDS: Final = "_ids"


@register.simple_tag
def tr(text: str, **values: Any) -> str:
    """`text` in the reader's language; whatever it holds is escaped."""
    return translated(text, **values)


@register.simple_tag
def browser(agent: str) -> str:
    """The browser and the system that call themselves so."""
    return agents.told(agent)


@register.simple_tag
def coded(text: str) -> SafeString:
    """`text` with what stands in it between backquotes shown as code; whatever it holds is escaped."""
    parts = text.split("`")
    whole = len(parts) if len(parts) % 2 else len(parts) - 1      # one backquote alone is a character like any other
    shown = [(format_html("<code>{}</code>" if number % 2 else "{}", part),) for number, part in enumerate(parts[:whole])]
    rest = [(f"`{part}",) for part in parts[whole:]]
    return format_html_join("", "{}", [*shown, *rest])


@register.simple_tag
def icon(name: str) -> SafeString:
    """The picture of this name, which says nothing that words do not say; nothing where there is none of the name."""
    if name not in ICONS:
        return SafeString("")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', ICON_FILE, name)


@register.simple_tag
def state_icon(cell: Cell) -> SafeString:
    """The picture of a state: its own, or its tone's. A dash has none."""
    if cell.text == DASH and not cell.icon:
        return SafeString("")
    return icon(cell.icon if cell.icon in ICONS else _STATES.get(cell.tone or "", ""))


@register.simple_tag
def tone_icon(tone: str) -> SafeString:
    """The picture of a tone."""
    return icon(_STATES.get(tone, ""))


@register.simple_tag
def figure(value: float | None, unit: str) -> str:
    """A value as it is read; a dash where nothing is known."""
    if value is None:
        return DASH
    if unit == "usd":
        return f"${value:,.2f}" if abs(value) >= 1 or not value else f"${value:,.4f}"
    if unit == "percent":
        return f"{value:,.1f} %"
    if unit == "seconds":
        return f"{value:,.3f} s" if abs(value) < 10 else f"{value:,.1f} s"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


@register.simple_tag
def raw(value: float | None) -> SafeString:
    """A value for a script: always with a point, empty where nothing is known."""
    return SafeString("" if value is None else repr(float(value)))


@register.simple_tag(takes_context=True)
def fresh_id(context: Context, prefix: str) -> str:
    """An id that nothing else on the page has."""
    held = context.dicts[0]
    held[_IDS] = held.get(_IDS, 0) + 1
    return f"{prefix}-{held[_IDS]}"
