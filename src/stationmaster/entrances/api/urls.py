"""The addresses of REST, under /api/."""

from django.urls import URLPattern, path

from stationmaster.entrances.api.site import docs, docs_asset, openapi, shaped, site

_patterns, _, _ = site.urls
for _pattern in _patterns:
    if isinstance(_pattern, URLPattern):
        _pattern.callback = shaped(_pattern.callback)

urlpatterns = [
    path("openapi.json", openapi, name="openapi"),
    path("docs", docs, name="api_docs"),
    path("docs/<str:name>", docs_asset, name="api_docs_asset"),
    path("", (_patterns, "ninja", "api")),
]
