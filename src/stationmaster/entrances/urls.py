"""Every address that Django answers. Owns: the root; each entrance has its own list."""

from django.urls import include, path

from stationmaster.entrances.metrics.page import metrics

urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("", include("stationmaster.entrances.console.urls")),
    path("api/", include("stationmaster.entrances.api.urls")),
]

handler400 = "stationmaster.entrances.web.answers.bad_request"
handler403 = "stationmaster.entrances.web.answers.forbidden"
handler404 = "stationmaster.entrances.web.answers.missing"
handler429 = "stationmaster.entrances.web.answers.limited"
handler500 = "stationmaster.entrances.web.answers.broken"
