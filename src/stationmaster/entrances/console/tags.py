"""What templates can say beside Django's own tags. Owns: `{% tr "…" %}`."""

from typing import Any

from django import template

from stationmaster.i18n import tr as translated

register = template.Library()


@register.simple_tag
def tr(text: str, **values: Any) -> str:
    """`text` in the reader's language; whatever it holds is escaped."""
    return translated(text, **values)
