"""One run of `apply`: the plan, the question whether it still holds, carrying it out, and what is printed of it.

Owns the order of these. What a step is, and how one is made or carried out, is `plan`'s and `carrying`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stationmaster.cli.declared.carrying import carry_out
from stationmaster.cli.declared.document import Held, held
from stationmaster.cli.declared.plan import Step, plan
from stationmaster.cli.declared.reading import Wanted
from stationmaster.cli.declared.sealed import ADDRESS, Secret
from stationmaster.cli.declared.showing import print_diff, rows
from stationmaster.cli.declared.tables import Name, Sort
from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.talk import say, say_error
from stationmaster.cli.verbs import PENDING, pending
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn

PARTIAL = 3        # exit code when some of it was done
_STEP = ("verb", "kind", "name", "fields", "key")


@dataclass
class Work:
    """What is to be done at `desk`. `prune`: what the file does not name goes."""

    desk: Desk
    wanted: Wanted
    prune: bool
    output: Format
    _others: dict[tuple[str, str], bool] = field(default_factory=dict)      # which of the file's secrets are others than stored

    def steps(self, before: Held) -> tuple[Step, ...]:
        """The plan."""
        return plan(before, self.wanted, prune=self.prune, takes=self._takes)

    def _takes(self, kind: Sort, name: str, secret: str) -> bool:
        self._others[kind, name] = self.desk.takes(f"{kind}s", name, secret)
        return self._others[kind, name]

    def _again(self) -> tuple[Step, ...]:
        """The plan from what is held now. Within a change nothing can be tried out: secrets are as they were found."""
        now = held(self.desk)
        return plan(now, self.wanted, prune=self.prune, takes=lambda kind, name, _: self._others.get((kind, name), True))

    def show(self, steps: Sequence[Step]) -> None:
        """Print the difference, for people."""
        if self.output is Format.TABLE:
            print_diff(steps)
        if not steps:
            say(tr("Nothing would change."))
        elif self.wanted.document.entries["route"] and any(step.kind == "route" and step.verb == "delete" for step in steps):
            say(tr("The file's routes are the whole list: others go."))

    def try_out(self, steps: Sequence[Step]) -> int:
        """Change nothing; on this machine, find what would be refused. The exit code."""
        if steps and self.desk.local and not any(step.needed for step in steps):
            self.desk.rehearse(lambda: list(carry_out(self.desk, steps, self.wanted.given, lambda: steps)))
        self._print(steps, {}, dry_run=bool(steps))
        if steps:
            say(pending(len(steps)))
        return PENDING if steps else 0

    def carry(self, steps: Sequence[Step], secrets: Mapping[Name, Secret]) -> int:
        """Do it, and print keys that were made. Over REST a failure leaves what was done before it. The exit code; raises
        `StationmasterError` when nothing was done."""
        keys: dict[str, str] = {}
        done = 0
        try:
            with self.desk.together():
                for step, made in zip(steps, carry_out(self.desk, steps, secrets, self._again), strict=True):
                    done += 1
                    keys |= {step.name: made.secret} if made.secret else {}
        except StationmasterError as error:
            if self.desk.local or not done:
                raise
            say_error(error)
            say(tr("{done} of {number} changes were made.", done=done, number=len(steps)))
        else:
            say(trn("{number} change was made.", "{number} changes were made.", done))
        self._print(steps[:done], keys)
        return 0 if done == len(steps) else PARTIAL

    def _print(self, steps: Sequence[Step], keys: Mapping[str, str], *, dry_run: bool = False) -> None:
        if self.output is not Format.TABLE:
            found = ({**row, "key": keys.get(row["name"], "") if row["kind"] == "key" else ""} for row in rows(steps))
            beside = {"schema_version": 1, "dry_run": dry_run}
            print_rows(found, {name: name for name in _STEP}, self.output, under="changes", beside=beside)
        elif keys:
            print_rows(({"name": name, "key": key} for name, key in keys.items()), {"name": "name", "key": "key"}, self.output)
        if keys:
            say(tr("The keys are shown this once: give them to their applications."))
        if untested := [] if dry_run else [step.name for step in steps if _to_test(step)]:
            say(tr("Nothing is published at these targets until `stationmaster target test` reached them: {names}",
                   names=", ".join(untested)))  # fmt: skip


def _to_test(step: Step) -> bool:
    """Whether a target is reached in another way than before."""
    before, after = step.before or {}, step.after
    if step.kind != "target" or after is None:
        return False
    return bool(step.secrets) or any(before.get(name) != after.get(name) for name in ADDRESS["target"])


