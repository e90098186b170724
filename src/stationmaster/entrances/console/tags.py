"""What templates can say beside Django's own tags. Owns: `{% tr "…" %}` and `{% coded text %}`."""

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from stationmaster.i18n import tr as translated

register = template.Library()


@register.simple_tag
def tr(text: str, **values: Any) -> str:
    """`text` in the reader's language; whatever it holds is escaped."""
    return translated(text, **values)


@register.simple_tag
def coded(text: str) -> SafeString:
    """`text` with what stands in it between backquotes shown as code; whatever it holds is escaped."""
    parts = text.split("`")
    whole = len(parts) if len(parts) % 2 else len(parts) - 1      # one backquote alone is a character like any other
    shown = [(format_html("<code>{}</code>" if number % 2 else "{}", part),) for number, part in enumerate(parts[:whole])]
    rest = [(f"`{part}",) for part in parts[whole:]]
    return format_html_join("", "{}", [*shown, *rest])
