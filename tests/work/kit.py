"""What these tests share: workspaces in the sandbox, people, plans, jobs run here one after the other, and a relay for mail."""

import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Final, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from django.utils import timezone

from controlkit import ADMIN
from stationmaster.jobs import claims
from stationmaster.jobs import services as jobs
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine import Working
from stationmaster.jobs.models import QUEUED, Job
from stationmaster.jobs.runner import run_claimed
from stationmaster.mail import policy as mail
from stationmaster.mail.relay import Relay
from stationmaster.people import services as people
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.changes import change
from stationmaster.store.listing import Query
from stationmaster.workspaces import policy as seat_policy
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Seat, Workspace
from stationmaster.workspaces.policy import SeatPolicy

AT_ONCE: Final = SeatPolicy(listed_after=timedelta(0))
FAST: Final = 6000      # calls a minute
SENDER: Final = "stationmaster@example.test"
_numbers: Final = iter(range(1, 1_000_000))


@contextmanager
def rules(**more: Any) -> Iterator[None]:
    """Rules for all workspaces, for as long as the block lasts."""
    before = seat_policy.policy()
    made = replace(before, **more)
    seat_policy.use(lambda: made)
    try:
        yield
    finally:
        seat_policy.use(lambda: before)


def an_organisation(sandbox: SandboxServer, vendor: str = "openai", people: int = 1, **settings: Any) -> Organisation:
    """An organisation of a name that was never used, with so many people; the first of them owns it. It takes whatever
    invitation comes, a second one of the same address too: that there is none is our promise, not the vendor's."""
    return sandbox.admin.make(vendor, f"w{next(_numbers)}", people, **{"refuses_duplicates": False, **settings})


def invited_once(org: Organisation, *numbers: int) -> bool:
    """Whether each of these persons was invited exactly once, and nobody was tried again once it was done: a vendor that
    refuses duplicates would hide that."""
    wrong = {n: times for n in numbers if (times := org.invitations(address(n))) != 1}
    assert wrong == {}, "invited so often"
    return all(_tries(org, address(n))[-1] for n in numbers)


def _tries(org: Organisation, whom: str) -> list[bool]:
    """The calls that asked to invite somebody, in their order: whether each was done. Only the last one may be."""
    asked = [each for each in org.writes() if each.operation.startswith("POST ") and "/invit" in each.operation]
    return [each.done for each in asked if each.whom.casefold() == whom.casefold()]


def attach(sandbox: SandboxServer, org: Organisation, name: str = "", **more: Any) -> Workspace:
    """Attach it; its onboarding stands in the queue."""
    given = {
        "name": name or org.name, "vendor": org.vendor, "secret": org.secret, "base_url": org.base_url(sandbox.url),
        "organisation": org.name, "allow_insecure_http": True, "calls_per_minute": FAST, **more,
    }  # fmt: skip
    made = workspaces.create_workspace(ADMIN, given)
    return workspace(str(made["id"]))


def workspace(which: str) -> Workspace:
    """Its row as it is."""
    row: Workspace = Workspace.objects.get(id=which)
    return row


def persons(number: int, domain: str = "corp.test") -> list[str]:
    """Persons person-0001@… and so on; their ids."""
    with change(ADMIN):
        return [
            str(people.create_person(ADMIN, {"user_name": f"person-{n:04}", "email": address(n, domain)})["id"])
            for n in range(1, number + 1)
        ]  # fmt: skip


def address(number: int, domain: str = "corp.test") -> str:
    """Whose address it is."""
    return f"person-{number:04}@{domain}"


def a_group(members: Sequence[str], name: str = "everybody") -> str:
    """A group of them; its name."""
    made = people.create_group(ADMIN, {"name": name})
    people.change_members(ADMIN, str(made["id"]), list(members), [])
    return name


def assign(group: str, *rows: Workspace, **more: Any) -> None:
    """Give a group a seat in each of these workspaces."""
    for row in rows:
        workspaces.create_assignment(ADMIN, {"workspace": row.name, "group": group, **more})


def planned(*rows: Workspace) -> dict[str, Any]:
    """A new plan for them."""
    return dict(workspaces.make_plan(ADMIN, {"workspaces": [row.name for row in rows]}))


def approved(*rows: Workspace, second: Any = None) -> dict[str, Any]:
    """A new plan, approved; by `second` too, where it takes two."""
    plan = planned(*rows)
    for who in filter(None, (ADMIN, second if plan["second_approval"] else None)):
        plan = dict(workspaces.approve_plan(who, str(plan["id"]), {"hash": plan["hash"]}))
    return plan


def applied(*rows: Workspace, second: Any = None, **pace: Any) -> dict[str, Any]:
    """A new plan, approved, and being applied: its jobs wait."""
    return dict(workspaces.apply_plan(ADMIN, str(approved(*rows, second=second)["id"]), pace))


def submit(row: Workspace, kind: str, **more: Any) -> str:
    """A job of a workspace; its id."""
    return str(jobs.submit(ADMIN, kind, workspace=row.id, **more)["id"])


def run_once(job: str, **working: Any) -> Any:
    """Claim a job, as if it were time, and run it here; what is to be run again, if anything."""
    return run_mine(claimed(job), **working)


def claimed(job: str) -> Fence:
    """Claim a job, as if it were time."""
    Job.objects.filter(id=job).update(run_after=timezone.now() - timedelta(seconds=1))
    fence = claims.claim(job, "here")
    assert isinstance(fence, Fence)
    return fence


def run_mine(fence: Fence, **working: Any) -> Any:
    """Run a job that was claimed here; what is to be run again, if anything."""
    return run_claimed(fence, Working("here", threading.Event(), **{"backoff": 0.02, "attempts": 5, **working}))


def run(job: str, most: int = 30) -> dict[str, Any]:
    """Run a job to its end; as it is shown then."""
    for _ in range(most):
        if run_once(job) is None:
            return dict(jobs.get(ADMIN, job))
    raise AssertionError("it never ended")


def run_all() -> list[dict[str, Any]]:
    """Run all that waits, what comes of it too, in their order."""
    ended = []
    while (job := Job.objects.filter(state=QUEUED).order_by("-priority", "created_at", "id").first()) is not None:
        ended.append(run(job.id))
    return ended


def run_kind(row: Workspace, kind: str, **more: Any) -> dict[str, Any]:
    """Have a job of this kind run to its end."""
    return run(submit(row, kind, **more))


def items_of(job: str) -> dict[str, tuple[str, str]]:
    """State and reason of a job's items, by their keys."""
    return {key: (state, reason) for key, state, reason, _ in told_of(job)}


def told_of(job: str) -> list[tuple[str, str, str, str]]:
    """A job's items: key, state, reason, sentence."""
    found = jobs.items(ADMIN, job, Query(limit=500)).items
    return [(str(each["key"]), str(each["state"]), str(each["reason"]), str(each["sentence"])) for each in found]


def states(row: Workspace) -> dict[str, str]:
    """The state of each seat, by its person's address."""
    return dict(Seat.objects.filter(workspace=row).values_list("person__email", "state"))


def steps_of(plan: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Kind, address and reason of a plan's steps about persons."""
    found = workspaces.list_steps(ADMIN, str(plan["id"]), Query(limit=500)).items
    return [(row["kind"], row["email"], row["reason"]) for row in found if row["person"]]


@dataclass
class Taken:
    """A mail as the relay got it, over what, from whom."""

    sender: str
    to: str
    raw: bytes
    encrypted: bool
    user: str

    @property
    def mail(self) -> EmailMessage:
        """It, read."""
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.mail.get_content()).replace("\r\n", "\n")


class _OnAnyPort(Controller):
    """The system chooses the port."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class Mailbox:
    """A real SMTP relay on loopback. `refuse`: an answer to every RCPT in place of 250; `drop`: the connection ends when a mail
    was taken, without an answer."""

    def __init__(
        self, context: ssl.SSLContext | None = None, user: str = "", password: str = "", *, wrapped: bool = False
    ) -> None:
        self.taken: list[Taken] = []
        self.refuse = ""
        self.drop = False
        self._login = (user, password)
        wants: dict[str, Any] = {"auth_required": True, "authenticator": self._authenticate} if user else {}
        inner = {"tls_context": context, "require_starttls": context is not None}
        more: dict[str, Any] = {"ssl_context": context} if wrapped else inner
        more |= wants | {"auth_require_tls": context is not None and not wrapped}
        self._controller = _OnAnyPort(self, hostname="127.0.0.1", port=0, **more)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._controller.port)

    def relay(self, **more: Any) -> Relay:
        """How it is reached."""
        return Relay(**{"host": "127.0.0.1", "port": self.port, "tls": "none", "sender": SENDER, "timeout": 10.0, **more})

    def use(self, **more: Any) -> None:
        """Have mail sent to it from now on."""
        made = mail.MailPolicy(self.relay(), **more)
        mail.use(lambda: made)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        mail.use(mail.MailPolicy)
        self._controller.stop()

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        good = (given.login.decode(), given.password.decode()) == self._login
        return AuthResult(success=good, handled=False, auth_data=given if good else None)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """An address to send to."""
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """A mail."""
        user = session.auth_data.login.decode() if session.auth_data else ""
        raw = envelope.original_content
        self.taken.append(Taken(envelope.mail_from, envelope.rcpt_tos[0], raw, session.ssl is not None, user))
        if self.drop:
            server.transport.abort()
        return "250 OK"
