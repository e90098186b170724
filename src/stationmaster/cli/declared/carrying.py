"""Steps → changes. Owns: which call a step is, and that what is carried out is what was shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from stationmaster.cli.declared.document import DEFAULT_POOL, Entry
from stationmaster.cli.declared.plan import Step
from stationmaster.cli.declared.reading import Name, Secret
from stationmaster.cli.declared.tables import PATHS, SEALED, TABLES, Kind, defaults
from stationmaster.cli.desk import Desk, Made, Row
from stationmaster.errors import Stale, StationmasterError

Secrets = Mapping[Name, Secret]


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
    if step.before is None:
        return desk.create(path, _for_new(step, step.kind, step.after, secrets))
    return _update(desk, step, step.kind, step.after, secrets)


def _update(desk: Desk, step: Step, kind: Kind, after: Entry, secrets: Secrets) -> Made:
    secret = secrets[(kind, step.name)].value if step.secret else ""
    if kind == "key" and secret:
        desk.rotate("keys", step.name, {"secret_sha256": secret})
    whole = {**defaults(TABLES[kind]), **_own(after)}
    fields = {name: value for name, value in whole.items() if name not in ("id", "secret", "secret_sha256")}
    if kind in SEALED and secret:
        fields["secret"] = secret
    return Made(desk.update(PATHS[kind], step.route or step.name, fields))


def _for_new(step: Step, kind: Kind, after: Entry, secrets: Secrets) -> Row:
    fields: dict[str, object] = {"name" if name == "id" else name: value for name, value in _own(after).items()}
    if kind == "route":
        fields["position"] = step.position
    given = secrets.get((kind, step.name))
    if given is not None:
        fields["secret" if kind in SEALED else "secret_sha256"] = given.value
    return fields


def _own(entry: Entry) -> Entry:
    """The fields but for what a diff shows of a secret."""
    return {name: value for name, value in entry.items() if name not in ("secret", "secret_sha256")}


def _set(desk: Desk, after: Entry | None) -> Row:
    return desk.clear_setting(DEFAULT_POOL) if after is None else desk.save_setting(DEFAULT_POOL, after["default_pool"])
