"""Steps → changes. Owns: which call a step is, and that what is carried out is what was shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from stationmaster.cli.declared import sources
from stationmaster.cli.declared.document import DEFAULT_POOL, Entry
from stationmaster.cli.declared.plan import Step
from stationmaster.cli.declared.sealed import Secret, plain
from stationmaster.cli.declared.tables import PATHS, SEALED, TABLES, UNSAID, USUAL, Kind, Name, defaults
from stationmaster.cli.desk import Desk, Made, Row
from stationmaster.errors import Stale, StationmasterError

Secrets = Mapping[Name, Secret]
_SLOT = ("vendor", "base_url", "organisation", "allow_insecure_http")      # what a credential is made of


def carry_out(desk: Desk, steps: Sequence[Step], secrets: Secrets, again: Callable[[], Sequence[Step]]) -> Iterator[Made]:
    """Do the steps one after another; yields what each made. `again` makes the plan anew: if it is not the one that was shown,
    somebody changed something meanwhile. Raises `Stale`, and what the desk raises."""
    if list(again()) != list(steps):
        hint = "run it again, and look at the new diff"
        raise Stale("error.store.stale", "the configuration was changed meanwhile", hint=hint)
    for step in steps:
        try:
            made = _do(desk, step, secrets)
        except StationmasterError as error:
            error.message = f"{step.kind} {step.name}: {error.message}"      # of many things, which it was
            raise
        yield made


def _do(desk: Desk, step: Step, secrets: Secrets) -> Made:
    if step.kind == "setting":
        return Made(_set(desk, step.after))
    path, which = PATHS[step.kind], step.route or step.name
    if step.after is None:
        desk.delete(path, which)
        return Made({})
    if step.kind == "credential" and "source" in {**(step.before or {}), **step.after}:
        return Made(_issued(desk, step, step.after, secrets))
    if step.before is None:
        return desk.create(path, _for_new(step, step.kind, step.after, secrets))
    return _update(desk, step, step.kind, step.after, secrets)


def _issued(desk: Desk, step: Step, after: Entry, secrets: Secrets) -> Row:
    """A credential with a source now or before. The source makes one that is new; it ends before a secret takes its place, and
    is changed after the rest. That a secret goes with it shows in the entry, too."""
    before, source = step.before, after.get("source")
    if before is None:
        return _with_source(desk, step, after, secrets)
    if "source" in before and source is None:
        desk.delete("sources", step.name)
    found: Row = {}
    if plain(before) != plain(after) or (step.kind, step.name) in step.secrets:
        found = _update(desk, step, "credential", after, secrets).row
    if source is not None and before.get("source") != source:
        found = desk.update("sources", step.name, _source(step, source, secrets))
    return found


def _with_source(desk: Desk, step: Step, after: Entry, secrets: Secrets) -> Row:
    """One that is made by its source, and then gets what a source says nothing of."""
    fields = {name: value for name, value in plain(after).items() if name != "id"}
    slot = {name: fields.pop(name) for name in _SLOT if name in fields}
    found = desk.update("sources", step.name, {**slot, **_source(step, after["source"], secrets)})
    return desk.update("credentials", step.name, fields) if fields else found


def _source(step: Step, source: Entry, secrets: Secrets) -> dict[str, Any]:
    parts = {mark: secrets[sort, step.name].value for mark, sort in sources.SEALED.items() if (sort, step.name) in step.secrets}
    return {**sources.fields_of(source), **parts}


def _update(desk: Desk, step: Step, kind: Kind, after: Entry, secrets: Secrets) -> Made:
    secret = secrets[kind, step.name].value if (kind, step.name) in step.secrets else ""
    if kind == "key" and secret:
        desk.rotate("keys", step.name, {"secret_sha256": secret})
    unsaid = {name for name in UNSAID.get(kind, ()) if name in USUAL.get(kind, {})}
    whole = {name: value for name, value in defaults(TABLES[kind]).items() if name not in unsaid} | plain(after)
    fields = {name: value for name, value in whole.items() if name not in ("id", "secret", "secret_sha256", "source")}
    if kind == "target" and not fields["default"]:
        del fields["default"]      # it ends where another one begins, which may have been
    if kind in SEALED and secret:
        fields["secret"] = secret
    return Made(desk.update(PATHS[kind], step.route or step.name, fields))


def _for_new(step: Step, kind: Kind, after: Entry, secrets: Secrets) -> Row:
    fields: dict[str, object] = {"name" if name == "id" else name: value for name, value in plain(after).items()}
    if kind == "route":
        fields["position"] = step.position
    given = secrets.get((kind, step.name))
    if given is not None:
        fields["secret" if kind in SEALED else "secret_sha256"] = given.value
    return fields


def _set(desk: Desk, after: Entry | None) -> Row:
    return desk.clear_setting(DEFAULT_POOL) if after is None else desk.save_setting(DEFAULT_POOL, after["default_pool"])
