"""What people may ask of a credential's life. Owns: the services of minting, rotating, going back, revoking, probing, overriding.

Each checks who asks, changes rows or queues a job, and returns plain values. What jobs do is `work`'s.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from stationmaster.credentials import expiry, generations, kinds, life, places
from stationmaster.credentials.checking import check_owner, checked_secret, checked_slot
from stationmaster.credentials.models import COMING, FAILED, MINTED, OVER, OVERRIDES, PROBED, Credential, CredentialSecret
from stationmaster.credentials.sources import clock
from stationmaster.credentials.tables import LIFE
from stationmaster.credentials.work.revoke import overdue
from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import QUEUED, RUNNING, Job
from stationmaster.operators.access import require
from stationmaster.store import writeonly
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.given import Given, Rows, known_only, text
from stationmaster.store.lookup import find, free_name
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces.models import Workspace

ALL: Final = "all"            # in place of a name
UNHEALTHY: Final = "unhealthy"      # likewise
_LONGEST: Final = timedelta(days=365)      # of an override that ends by itself
URGENT: Final = 100           # the priority of what a leak waits for
_OVERRIDE: Final = frozenset({"state", "until", "reason"})


def mint_credential(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Have a workspace's vendor make a key: for a credential that has no secret, or for a new one of this name (`workspace`,
    `project`, and the fields of its life). Returns the job. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "credentials:mint")
    known_only(given, frozenset({"base_url", "allow_insecure_http", *LIFE}))
    with change(actor) as edit:
        row = _slot(edit, actor, which, given)
        _mints(row)
        if row.secret:
            raise Conflict("error.credential.has_secret", f"{row.name} has a secret", hint="rotate it instead")
        return _submit(actor, kinds.MINT, row)


def rotate_credential(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Bring a further secret in: minted, or the `secret` that is given (then `expires_at` may be), probed, shared out, and
    the one before revoked when its way back is over. What was begun and broke off goes on. Returns the job. Raises
    `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "credentials:rotate")
    known_only(given, frozenset({"secret", "expires_at"}))
    secret = writeonly.new(given)
    with change(actor) as edit:
        row = find(Credential, which)
        _idle(row)
        places.unfed(row)
        if not row.secret and not secret:
            raise Conflict("error.credential.no_secret", f"{row.name} has no secret to follow", hint="mint one, or paste one")
        if secret:
            _paste(edit, row, secret, given)
        elif generations.coming(row) is None and generations.before(row) is None:
            _mints(row)
        return _submit(actor, kinds.ROTATE, row)


def rotate_workspace(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Rotate every credential that is minted in a workspace, by one job. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "credentials:rotate")
    known_only(given, frozenset())
    with change(actor):
        row = find(Workspace, which)
        if not Credential.objects.filter(workspace=row.id, disabled=False, generation__gt=0).exists():
            raise Conflict("error.credential.none_here", f"no credential is minted in {row.name}")
        return jobs.submit(actor, kinds.ROTATE, workspace=row.id, dedupe=f"rotate:workspace:{row.id}", concurrency=2)


def roll_back(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Serve with the secret before again; one that is only on its way in is given up. Returns the credential. Raises `Forbidden`,
    `NotFound`, `Conflict`."""
    require(actor, "credentials:rotate")
    known_only(given, frozenset())
    with change(actor) as edit:
        row = find(Credential, which)
        new = generations.coming(row)
        if new is not None:
            if new.state not in (MINTED, PROBED):
                raise Conflict("error.credential.minting", "the vendor is just making the key", hint="try again in a moment")
            until = clock.now() if new.origin == "minted" else None
            generations.give_up(edit, row, new, "rolled_back", "a person took it back", sweep_until=until)
            if until:
                _submit(actor, kinds.REVOKE, row, of=new)
        else:
            generations.turn_back(edit, row)
    return {"id": row.id, "name": row.name, "revision": row.revision, **life.show(row)}


def revoke_credential(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """It leaked: gateways drop it at once, all of its secrets are revoked at the vendor, copies elsewhere are withdrawn. Returns
    the job that does so at the vendor. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "credentials:revoke")
    known_only(given, frozenset({"reason"}))
    report = Rows("credential")
    reason = text(given, "reason", report)
    report.refuse()
    with change(actor) as edit:
        row = find(Credential, which)
        for job in _working_on(row):
            jobs.cancel(SYSTEM, job)
        generations.wipe(edit, row, reason)
        edit.record(f"credentials:{row.id}:revoke_now", after={"name": row.name, "reason": reason})
        return _submit(actor, kinds.REVOKE, row, priority=URGENT, dedupe=f"revoke:{row.id}:{row.revision}")


def mark_revoked(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """A person revoked a generation, by its number, in the vendor's console. Raises `Forbidden`, `NotFound`, `Invalid`,
    `Conflict`."""
    require(actor, "credentials:revoke")
    known_only(given, frozenset({"generation"}))
    number = given.get("generation")
    if type(number) is not int or not 0 < number < 2**31:
        raise _wrong("generation", "is a number of the list")
    with change(actor) as edit:
        row = find(Credential, which)
        one = _numbered(row, number)
        if one.state in COMING or (one.number == row.generation and row.secret):
            raise Conflict("error.credential.in_use", f"{number} is in use", hint="rotate or revoke the credential first")
        generations.end(edit, row, one)
        return life.show_generation(one)


def revoke_kept(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Do without the way back: what is kept is revoked now. Returns the job. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "credentials:revoke")
    known_only(given, frozenset())
    with change(actor) as edit:
        row = find(Credential, which)
        old = generations.before(row)
        if old is None or old.keep_until is None:
            raise Conflict("error.credential.nothing_kept", f"nothing of {row.name} is kept")
        generations.step(edit, old, old.state, keep_until=clock.now())
        return _submit(actor, kinds.REVOKE, row, of=old)


def probe_credential(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Ask the vendor now whether it works, by a job; `which` "all" asks about all of them, "unhealthy" about those that gateways
    find anything but well. Returns the job. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "credentials:probe")
    known_only(given, frozenset())
    if which == ALL:
        return jobs.submit(actor, kinds.PROBE, dedupe="probe:all", concurrency=8)
    if which == UNHEALTHY:
        return jobs.submit(actor, kinds.PROBE, args={"only": UNHEALTHY}, dedupe="probe:unhealthy", concurrency=8)
    row = find(Credential, which)
    return jobs.submit(actor, kinds.PROBE, args={"credential": row.id}, dedupe=f"probe:{row.id}")


def override_credential(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Say that it is in or out of service, whatever gateways find: `state` "in", "out" or "" (they decide again), `until` a time
    (left out: until it is taken back), `reason`. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "credentials:hold")
    known_only(given, _OVERRIDE)
    said, until = given.get("state"), _until(given.get("until"))
    if until is not None and until - clock.now() > _LONGEST:
        raise _wrong("until", "is at most a year from now; left out, it is until somebody takes it back")
    if said not in OVERRIDES:
        raise _wrong("state", 'is "in", "out" or empty')
    report = Rows("credential")
    reason = text(given, "reason", report)
    report.refuse()
    with change(actor) as edit:
        row = find(Credential, which)
        with edit.updating(row, action="override"):
            row.override, row.override_until, row.override_reason = said, until if said else None, reason if said else ""
        if said and until is not None:
            left = max(0.0, (until - clock.now()) / timedelta(seconds=1))
            jobs.submit(actor, kinds.OVERRIDE, args={"credential": row.id}, delay=left,
                dedupe=f"override:{row.id}:{row.revision}")
    return {"id": row.id, "name": row.name, "revision": row.revision, **life.show(row)}


def tend(actor: Actor = SYSTEM) -> int:
    """Queue what is due: rotations by schedule, revocations that no job waits for, answers that may still turn up; and tell
    of ends. Whoever runs the control plane calls this now and then. How many jobs and events."""
    done = expiry.warn()
    now = clock.now()
    rows = Credential.objects.filter(rotate_days__gt=0, disabled=False, secret_since__isnull=False)
    for row in rows:
        due = bool(row.secret) and expiry.rotation_due(row) <= now and row.vendor in places.MINTS and bool(row.workspace)
        done += due and _quietly(actor, kinds.ROTATE, row)
    if overdue().exists():
        done += _quietly(actor, kinds.REVOKE, None)
    return done


def _quietly(actor: Actor, kind: str, row: Credential | None) -> bool:
    """Queue it unless it waits already."""
    try:
        args = {"credential": row.id} if row is not None else {}
        jobs.submit(actor, kind, args=args, workspace="", dedupe=f"{kind}:{row.id if row is not None else 'overdue'}")
    except Conflict:
        return False
    return True


def _submit(
    actor: Actor, kind: str, row: Credential, of: CredentialSecret | None = None, **more: Any
) -> Mapping[str, Any]:
    """Queue a job about a credential, or about one of its generations."""
    args = {"credential": row.id} if of is None else {"generation": of.id}
    return jobs.submit(actor, kind, args=args, **{"dedupe": f"{kind}:{(of or row).id}", **more})


def _slot(edit: Change, actor: Actor, which: str, given: Given) -> Credential:
    try:
        row: Credential = find(Credential, which)
    except NotFound:
        return _new_slot(edit, actor, which, given)
    with edit.updating(row):
        before = places.place_of(row)
        life.fill(row, given)
        if places.place_of(row) != before:
            places.minted_here(actor, row)
    return row


def _new_slot(edit: Change, actor: Actor, name: str, given: Given) -> Credential:
    """A slot that has no secret yet; it is out of service until it gets one. Where no address is given, its keys serve where they
    are made: a workspace behind an address of its own has no keys for the vendor's public one."""
    require(actor, "credentials:create")
    place = find(Workspace, str(given.get("workspace") or ""))
    here = place.vendor in places.MINTS and not given.get("base_url")
    base_url, insecure = (place.base_url, place.allow_insecure_http) if here else (given.get("base_url"), False)
    table = checked_slot({"name": name, "vendor": place.vendor, "base_url": base_url or "",
                          "allow_insecure_http": given.get("allow_insecure_http") or insecure})  # fmt: skip
    free_name(Credential, table.id)
    row = Credential(name=table.id, vendor=place.vendor, base_url=table.base_url.rstrip("/"), organisation=place.organisation,
                     allow_insecure_http=table.allow_insecure_http, generation=0)  # fmt: skip
    life.fill(row, given)
    places.minted_here(actor, row)
    edit.create(row)
    return row


def _mints(row: Credential) -> Workspace:
    """The workspace that keys of it are made in. Raises `Conflict` when there is none, with what to do instead."""
    guide = f"`stationmaster credential guide {row.vendor}` says how one is made by hand"
    if row.vendor not in places.MINTS or Capability.KEYS not in VENDORS[row.vendor].capabilities:
        raise Conflict("error.credential.paste_needed", f"{VENDORS[row.vendor].title} makes no keys by interface", hint=guide)
    place: Workspace | None = Workspace.objects.filter(id=row.workspace).first() if row.workspace else None
    if place is None or not row.project:
        raise Conflict("error.credential.no_workspace", f"{row.name} does not say in which workspace and project its keys are "
            "made",
                       hint=f"set workspace and project, or paste a key: {guide}")  # fmt: skip
    if place.vendor != row.vendor:
        raise Conflict("error.credential.other_vendor", f"{place.name} is no workspace of {row.vendor}")
    return place


def steps_of(vendor: str) -> tuple[str, ...]:
    """What a person does to make a key by hand, step by step (i18n ids)."""
    return _STEPS.get(vendor, ("Make an API key in the vendor's console.", "Paste it here."))


_STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": (
        "Open the vendor's console, and there the organisation and workspace.",
        "Make a service account, or choose the one that this credential has.",
        "Make a key for it, with an end that you can keep.",
        "Paste it here: it is asked for a list of models, and nothing else.",
    ),
    "openai": (
        "Open the project in the vendor's console.",
        "Make a service account in it; its key is shown once.",
        "Paste it here: it is asked for a list of models, and nothing else.",
    ),
    "gemini": (
        "Make an authorisation key in AI Studio, bound to a service account.",
        "Paste it here: it is asked for a list of models, and nothing else.",
    ),
    "azure_openai": (
        "Show the second key of the resource in the portal.",
        "Paste it here; once it serves, have the first one made anew in the portal.",
    ),
}  # fmt: skip


def _paste(edit: Change, row: Credential, secret: str, given: Given) -> None:
    """A person brings the next secret. Raises `Invalid` for one that is not for API use, `Conflict` for the one that there is."""
    checked_secret(secret, row.vendor)
    check_owner(secret, row.vendor, row.base_url)
    if row.secret and row.secret.reveal("rotate") == secret:
        raise Conflict("error.credential.same_secret", f"{row.name} has this secret already")
    until = _until(given.get("expires_at"))
    generations.add(edit, row, secret, origin="pasted", state=MINTED, workspace=row.workspace, project=row.project,
                    expires_at=until)  # fmt: skip


def unrivalled(row: Credential) -> None:
    """Raise `Conflict` where another secret is on its way in, now or whenever a source is asked: the later of the two would put
    the other away."""
    places.unfed(row)
    new = generations.coming(row)
    if new is not None:
        raise Conflict("error.credential.rotating", f"{row.name} is being rotated already", hint="wait for it, or roll it back",
                       fields={"generation": str(new.number)})  # fmt: skip


def _idle(row: Credential) -> None:
    """Raise `Conflict` while a job rotates it."""
    found = _working_on(row)
    if found:
        raise Conflict("error.credential.rotating", f"{row.name} is being rotated already", fields={"job": found[0]},
                       hint=f"wait for it, or end it: `stationmaster job cancel {found[0]}`")  # fmt: skip


def job_on(row: Credential) -> str:
    """The id of the job that mints or rotates it now; empty: none does."""
    return next(iter(_working_on(row)), "")


def _working_on(row: Credential) -> list[str]:
    keys = [f"{kind}:{row.id}" for kind in (kinds.MINT, kinds.ROTATE)]
    return list(Job.objects.filter(dedupe__in=keys, state__in=(QUEUED, RUNNING)).values_list("id", flat=True))


def _numbered(row: Credential, number: int) -> CredentialSecret:
    found = generations.numbered(row, number)
    if found is None or found.state in (*OVER, FAILED):
        raise NotFound("error.generation.not_found", f"{row.name} has no secret {number} that is still valid")
    return found


def _until(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=timezone.get_default_timezone())
    except (TypeError, ValueError, OverflowError):
        raise _wrong("until", 'is a time like "2027-01-31T18:00:00Z"') from None


def _wrong(name: str, why: str) -> Invalid:
    return Invalid("error.config.bad_value", f"{name}: {why}", fields={name: why})
