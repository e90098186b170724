"""Addresses of these pages. A thing's own page stands behind those with a word of their own in the same place."""

from django.urls import path

from stationmaster.entrances.console.pages.alerts import listing as alerts
from stationmaster.entrances.console.pages.alerts import messages
from stationmaster.entrances.console.pages.alerts import one as alert
from stationmaster.entrances.console.pages.credentials import calendar, guide
from stationmaster.entrances.console.pages.credentials import listing as credentials
from stationmaster.entrances.console.pages.credentials import one as credential
from stationmaster.entrances.console.pages.credentials import several as several_credentials
from stationmaster.entrances.console.pages.home import access, asking, overview, start
from stationmaster.entrances.console.pages.jobs import listing as jobs
from stationmaster.entrances.console.pages.jobs import one as job
from stationmaster.entrances.console.pages.people import (
    contradictions,
    grid,
    groups,
    imports,
    leaving,
    moving,
    one_import,
    one_setup,
    setups,
)
from stationmaster.entrances.console.pages.people import listing as people
from stationmaster.entrances.console.pages.people import one as person
from stationmaster.entrances.console.pages.routing import pool, pools, routes, trial, virtual_key, virtual_keys
from stationmaster.entrances.console.pages.running import audit, gateways, operators, settings, tokens
from stationmaster.entrances.console.pages.seats import assignments, offboarding, plan, plans, runs
from stationmaster.entrances.console.pages.seats import listing as seats
from stationmaster.entrances.console.pages.targets import exports, publications, publish
from stationmaster.entrances.console.pages.targets import listing as targets
from stationmaster.entrances.console.pages.targets import one as target
from stationmaster.entrances.console.pages.traffic import bills, requests, usage
from stationmaster.entrances.console.pages.traffic import request as one_request
from stationmaster.entrances.console.pages.workspaces import inside, several, vendor_rows
from stationmaster.entrances.console.pages.workspaces import listing as workspaces
from stationmaster.entrances.console.pages.workspaces import one as workspace

urlpatterns = [
    path("", overview.page, name="home"),
    path("start", start.page, name="start"),
    path("access", access.page, name="access"),
    path("workspaces", workspaces.all_of_them, name="workspaces"),
    path("workspaces/new", workspaces.attach, name="workspaces_new"),
    path("workspaces/several", several.page, name="workspaces_several"),
    path("workspaces/<str:which>", workspace.one, name="workspace"),
    path("workspaces/<str:which>/inside", inside.page, name="workspace_inside"),
    path("workspaces/<str:which>/policy", workspace.policy, name="workspace_policy"),
    path("workspaces/<str:which>/<str:name>", vendor_rows.rows_of, name="workspace_listed"),
    path("vendors", workspaces.vendors, name="vendors"),
    path("credentials", credentials.all_of_them, name="credentials"),
    path("credentials/new", credentials.add, name="credentials_new"),
    path("credentials/guide", guide.page, name="credential_guide"),
    path("credentials/several", several_credentials.page, name="credentials_several"),
    path("credentials/<str:which>", credential.one, name="credential"),
    path("calendar", calendar.page, name="calendar"),
    path("pools", pools.all_of_them, name="pools"),
    path("pools/new", pools.new, name="pools_new"),
    path("pools/<str:which>", pool.one, name="pool"),
    path("pools/<str:which>/member", pool.member, name="pool_member"),
    path("routes", routes.all_of_them, name="routes"),
    path("routes/new", routes.new, name="routes_new"),
    path("routes/try", trial.page, name="route_try"),
    path("routes/<str:which>", routes.one, name="route"),
    path("keys", virtual_keys.all_of_them, name="keys"),
    path("keys/new", virtual_keys.new, name="keys_new"),
    path("keys/<str:which>", virtual_key.one, name="key"),
    path("targets", targets.all_of_them, name="targets"),
    path("targets/new", targets.add, name="targets_new"),
    path("targets/<str:which>", target.one, name="target"),
    path("publications", publications.all_of_them, name="publications"),
    path("publish", publish.choose, name="publish"),
    path("publish/<str:which>", publish.plan, name="publish_plan"),
    path("exports", exports.page, name="exports"),
    path("requests", requests.all_of_them, name="requests"),
    path("requests/stream", requests.stream, name="requests_stream"),
    path("requests/<str:which>", one_request.one, name="request"),
    path("usage", usage.page, name="usage"),
    path("usage.csv", usage.file, name="usage_file"),
    path("bills", bills.all_of_them, name="bills"),
    path("bills/<str:which>", bills.one, name="bill"),
    path("people", people.all_of_them, name="people"),
    path("people/new", people.add, name="people_new"),
    path("people/grid", grid.page, name="people_grid"),
    path("people/grid/<str:verb>", moving.page, name="people_moving"),
    path("people/conflicts", contradictions.conflicts, name="people_conflicts"),
    path("people/held", contradictions.held, name="people_held"),
    path("imports", setups.all_of_them, name="older_setups"),
    path("imports/<str:which>", one_setup.one, name="older_setup"),
    path("people/imports", imports.all_of_them, name="people_imports"),
    path("people/imports/<str:which>", one_import.one, name="people_import"),
    path("people/<str:which>", person.one, name="person"),
    path("people/<str:which>/leave", leaving.page, name="person_leave"),
    path("people/<str:which>/erase", person.erase, name="person_erase"),
    path("groups", groups.all_of_them, name="groups"),
    path("groups/<str:which>", groups.one, name="group"),
    path("assignments", assignments.all_of_them, name="assignments"),
    path("assignments/new", assignments.add, name="assignments_new"),
    path("assignments/<str:which>", assignments.one, name="assignment"),
    path("plans", plans.all_of_them, name="plans"),
    path("plans/new", plans.make, name="plans_new"),
    path("plans/<str:which>", plan.one, name="plan"),
    path("seats", seats.all_of_them, name="seats"),
    path("seats/offboarding", offboarding.offboarding, name="seats_offboarding"),
    path("seats/requests", asking.page, name="seat_requests"),
    path("seats/<str:which>", seats.one, name="seat"),
    path("runs", runs.runs, name="runs"),
    path("jobs", jobs.all_of_them, name="jobs"),
    path("jobs/<str:which>", job.one, name="job"),
    path("jobs/<str:which>/stream", job.stream, name="job_stream"),
    path("workers", jobs.workers, name="workers"),
    path("alerts", alerts.all_of_them, name="alerts"),
    path("alerts/new", alerts.new, name="alerts_new"),
    path("alerts/messages", messages.all_of_them, name="alert_messages"),
    path("alerts/messages/<str:which>", messages.one, name="alert_message"),
    path("alerts/<str:which>", alert.one, name="alert"),
    path("audit", audit.all_of_them, name="audit"),
    path("audit/<str:which>", audit.one, name="audit_event"),
    path("settings", settings.settings, name="settings"),
    path("settings/<str:which>", settings.one, name="setting"),
    path("operators", operators.all_of_them, name="operators"),
    path("operators/<str:which>", operators.one, name="operator"),
    path("tokens", tokens.all_of_them, name="tokens"),
    path("gateways", gateways.all_of_them, name="gateways"),
]
