"""Every target's adapter keeps the same promises, at a simulated gateway that misbehaves and that other people use, too."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from conformance.targeting import READS, REFUSED, WRITES, Operation, Place, Watch, changed, inhabit, offers, place_at, settled
from line.scripted import answer, scripted
from stationmaster.errors import Invalid
from stationmaster.line.errors import DryRunRefused, NotFound, RateLimited, Rejected, RemoteError, StopRun
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.kinds import GATEWAYS
from stationmaster.targets._base import Access, Wanted
from stationmaster.targets.matching import differences, surplus
from stationmaster.targets.registry import KINDS, open_target
from targets.kit import LOOPBACK, adapter_of, fresh, wanted

AFTER = (
    "500-after", "503-after", "close-after", "cut-after", "html-after", "bad-json-after", "wrong-shape-after", "timeout-after",
)  # fmt: skip
BEFORE = ("500", "503", "close", "garbage", "redirect")
UNREADABLE = ("html", "bad-json", "wrong-shape", "cut", "garbage", "close", "redirect", "500", "503")

Make = Callable[..., Place]


def kinds_and_vendors() -> list[Any]:
    """Every kind with every vendor whose credentials it takes."""
    return [pytest.param(name, vendor, id=f"{name}-{vendor}") for name, spec in KINDS.items() for vendor in sorted(spec.vendors)]


def lost_answers() -> list[Any]:
    """Every kind with every way to lose an answer, and with every vendor, whose entries are kept in different places."""
    both = [(name, vendor, fault) for name, spec in KINDS.items() for vendor in sorted(spec.vendors) for fault in AFTER]
    return [each for each in both if each[1] == "openai" or each[2] in ("500-after", "cut-after")]


def pairs(operations: tuple[Operation, ...]) -> list[Any]:
    """(kind, operation) for what each has."""
    return [
        pytest.param(name, each, id=f"{name}-{each}") for name, spec in KINDS.items() for each in operations
        if each.needs in spec.capabilities
    ]  # fmt: skip


def refuses(adapter: Any, one: Wanted) -> bool:
    """Whether the target says that it cannot hold this."""
    try:
        adapter.expected(one)
    except Rejected:
        return True
    return False


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    """One sandbox; every test has gateways of its own."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def place(sandbox: SandboxServer) -> Make:
    """Makes a gateway of a kind."""
    return lambda kind, **settings: place_at(sandbox, kind, **settings)


class TestWhatThereIs:
    """The registry, the adapters and the simulations say the same."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_adapter_has_what_the_registry_says_and_no_more(self, kind: str) -> None:
        """Capabilities are the Protocols that the adapter has the methods of."""
        assert offers(open_target(Access(kind, secret="admin-secret", user="1", base_url="https://x.example"))) == KINDS[
            kind].capabilities  # fmt: skip

    def test_every_kind_is_simulated_and_inhabited(self, sandbox: SandboxServer) -> None:
        """An adapter that nothing here asks cannot exist."""
        assert GATEWAYS.keys() == KINDS.keys()
        for kind in KINDS:
            gateway = sandbox.targets.make(kind, fresh())
            inhabit(gateway, "theirs", "sk-theirs-0123456789")
            assert gateway.held()

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_a_kind_keeps_is_what_its_entries_tell(self, kind: str, place: Make) -> None:
        """The fields of the registry are those that are compared for one of its vendors at least, and no others."""
        adapter = place(kind).open()
        told = [adapter.expected(wanted(vendor=vendor, concurrency=3)) for vendor in KINDS[kind].vendors]
        fields = {"name", "base_url", "models", "priority", "concurrency", "groups", "enabled"}
        assert {name for name in fields if any(getattr(entry, name) is not None for entry in told)} == KINDS[kind].keeps
        assert bool(KINDS[kind].direction) is ("priority" in KINDS[kind].keeps)
        assert KINDS[kind].shows_secret is any(entry.digest for entry in told)

    def test_the_registry_imports_no_network_library(self) -> None:
        """Lists and pages that name kinds cost nothing."""
        program = (
            "import sys\nimport stationmaster.targets.registry\n"
            "heavy = {'httpx', 'httpx2', 'httpcore2', 'django', 'aiohttp', 'yaml'}\n"
            "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.split() == ["[]"]

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        "access", [{"base_url": ""}, {"base_url": "ftp://x.example"}, {"base_url": "https://169.254.169.254"},
                   {"base_url": "https://10.0.0.7"}, {"base_url": "http://x.example"}], ids=lambda each: str(each["base_url"]),
    )  # fmt: skip
    def test_an_address_that_leads_nowhere_allowed_is_refused_at_once(self, kind: str, access: dict[str, Any]) -> None:
        """Before anything is sent, and with a code that is about targets."""
        with pytest.raises(Invalid) as caught:
            open_target(Access(kind, secret="admin-secret", user="1", **access))
        assert caught.value.code == "error.target.bad_address"


class TestLife:
    """An entry is made, changed and withdrawn."""

    @pytest.mark.parametrize(("kind", "vendor"), kinds_and_vendors())
    def test_what_was_published_is_read_back_as_expected(self, kind: str, vendor: str, place: Make) -> None:
        """With its secret, in our words and types; publishing it again writes nothing; its health is told."""
        made, one = place(kind), wanted(vendor=vendor, concurrency=4)
        adapter = made.open()
        entry = adapter.create(one)
        assert made.gateway.ours()[0].secret == one.secret
        (found,) = adapter.entries()
        assert (found.id, found.marker, differences(adapter.expected(one), found)) == (entry.id, one.id, ())
        made.gateway.forget()
        adapter.update(found, one)
        assert made.gateway.writes() == []
        (reading,) = adapter.read_back()
        assert (reading.entry, reading.health.state) == (found, reading.health.state)
        assert reading.health.state in ("active", "unknown")

    @pytest.mark.parametrize(("kind", "vendor"), kinds_and_vendors())
    @pytest.mark.parametrize(
        "fields",
        [{"name": "another name"}, {"models": ("model-c",)}, {"priority": 1}, {"priority": 50}, {"priority": 100},
         {"enabled": False}, {"concurrency": 9}, {"base_url": "https://other.example/v1"}],
        ids=lambda each: "-".join(map(str, next(iter(each.items())))),
    )  # fmt: skip
    def test_each_field_can_be_changed_and_changed_back(
        self, kind: str, vendor: str, fields: dict[str, Any], place: Make
    ) -> None:
        """Whatever the target's own direction, defaults and types are."""
        if "base_url" in fields and vendor in ("anthropic", "gemini"):
            fields = {"base_url": "https://other.example"}
        one, other = wanted(vendor=vendor, concurrency=4), wanted(vendor=vendor, **{"concurrency": 4} | fields)
        made = place(kind)
        adapter = made.open()
        adapter.create(one)
        if refuses(adapter, other):
            with pytest.raises(Rejected):
                adapter.update(adapter.entries()[0], other)
            return
        for each in (other, one, other):
            for entry in adapter.entries():
                adapter.update(entry, each)
            assert [differences(adapter.expected(each), entry) for entry in adapter.entries()] == [()]
        assert made.gateway.ours()[0].secret == one.secret
        assert made.gateway.duplicates() == {}

    @pytest.mark.parametrize(("kind", "vendor"), kinds_and_vendors())
    def test_a_rotated_secret_takes_the_place_of_the_old_one(self, kind: str, vendor: str, place: Make) -> None:
        """In the same entry, and nothing else changes."""
        made, one, rotated = place(kind), wanted(vendor=vendor), wanted(2, vendor, id=wanted().id, name=wanted().name)
        adapter = made.open()
        adapter.create(one)
        (before,) = adapter.entries()
        adapter.update(before, rotated, secret=True)
        assert [each.secret for each in made.gateway.ours()] == [rotated.secret]
        assert [(entry.id, differences(adapter.expected(rotated), entry)) for entry in adapter.entries()] == [(before.id, ())]

    @pytest.mark.parametrize(("kind", "vendor"), kinds_and_vendors())
    def test_what_is_withdrawn_is_gone(self, kind: str, vendor: str, place: Make) -> None:
        """The second time there is none, which is no failure."""
        made = place(kind)
        adapter = made.open()
        entry = adapter.create(wanted(vendor=vendor))
        adapter.withdraw(entry)
        assert (adapter.entries(), made.gateway.ours()) == ([], [])
        with suppress(NotFound):
            adapter.withdraw(entry)

    @pytest.mark.parametrize(("kind", "vendor"), kinds_and_vendors())
    def test_an_entry_that_is_switched_off_was_never_on(self, kind: str, vendor: str, place: Make) -> None:
        """It is off as soon as it is read, and its health says so."""
        adapter = place(kind).open()
        adapter.create(wanted(vendor=vendor, enabled=False))
        (reading,) = adapter.read_back()
        assert (reading.entry.enabled, reading.health.state) == (False, "paused")

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_it_cannot_hold_is_refused_and_nobody_asked(self, kind: str, place: Make) -> None:
        """A vendor that it takes nothing of."""
        made = place(kind)
        for ask in (made.open().expected, made.open().create):
            with pytest.raises(Rejected) as caught:
                ask(wanted(vendor="cursor"))
            assert caught.value.code == "error.target.rejected"
        assert made.gateway.heard() == []


class TestOthers:
    """Nothing but our own entries is touched."""

    @pytest.mark.parametrize(("kind", "vendor"), kinds_and_vendors())
    def test_other_peoples_entries_stay_as_they_are(self, kind: str, vendor: str, place: Make) -> None:
        """Over a whole life of one of ours, and they are not listed."""
        made = place(kind)
        before = made.strangers()
        adapter, one = made.open(), wanted(vendor=vendor)
        assert adapter.entries() == []
        adapter.create(one)
        adapter.update(adapter.entries()[0], changed(one), secret=True)
        assert len(adapter.read_back()) == 1
        adapter.withdraw(adapter.entries()[0])
        assert made.strangers() == before
        assert before

    @pytest.mark.parametrize("kind", KINDS)
    def test_another_installations_entries_are_told_by_their_ids(self, kind: str, place: Make) -> None:
        """Two may publish into one target: changes and withdrawals meet the one that is named."""
        made = place(kind)
        adapter = made.open()
        ours, theirs = wanted(1), wanted(2)
        for one in (ours, theirs):
            adapter.create(one)
        mine = next(entry for entry in adapter.entries() if entry.marker == ours.id)
        adapter.update(mine, changed(ours), secret=True)
        adapter.withdraw(next(entry for entry in adapter.entries() if entry.marker == ours.id))
        (left,) = adapter.entries()
        assert (left.marker, differences(adapter.expected(theirs), left)) == (theirs.id, ())
        assert made.gateway.ours()[0].secret == theirs.secret


class TestLostAnswers:
    """A create is sent once, and never made twice."""

    @pytest.mark.parametrize(("kind", "vendor", "fault"), lost_answers())
    def test_a_create_that_did_the_work_is_adopted(self, kind: str, vendor: str, fault: str, place: Make) -> None:
        """The answer of the first write is lost in every way there is: afterwards one entry is there, as it should be."""
        made, one = place(kind), wanted(vendor=vendor)
        made.gateway.faults.set(fault, on="writes")
        with suppress(RemoteError):
            made.open(timeout=1.0 if fault.startswith("timeout") else 20.0).create(one)
        made.gateway.faults.clear()
        adapter = made.open()
        (found,) = settled(adapter, one)
        assert differences(adapter.expected(one), found) == ()
        assert (made.gateway.duplicates(), [each.secret for each in made.gateway.ours()]) == ({}, [one.secret])

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("fault", BEFORE)
    def test_a_create_that_did_nothing_is_made_by_the_next_try(self, kind: str, fault: str, place: Make) -> None:
        """A write is sent once: what failed is not there, and is told as such."""
        made, one = place(kind), wanted()
        made.gateway.faults.set(fault, on="writes")
        with pytest.raises(RemoteError) as caught:
            made.open().create(one)
        assert caught.value.code.startswith("error.target.")
        adapter = made.open()
        assert len(settled(adapter, one)) == 1
        assert made.gateway.duplicates() == {}

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("seed", range(3))
    def test_many_are_published_over_a_gateway_that_fails_all_the_time(self, kind: str, seed: int, place: Make) -> None:
        """Every call may fail before or after its work, adapters are thrown away in the middle: at the end every credential is
        there once and as expected, and strangers are untouched."""
        made, random = place(kind), Random(seed)
        before, vendors = made.strangers(), made.vendors()
        many = [wanted(number, vendors[number % len(vendors)]) for number in range(12)]
        for name in ("500", "500-after", "close-after", "cut-after", "bad-json"):
            made.gateway.faults.set(name, on="*", times=None, chance=0.06)
        for _ in range(40):
            with suppress(RemoteError):
                adapter = made.open()
                for one in random.sample(many, len(many)):
                    settled(adapter, one)
        made.gateway.faults.clear()
        adapter = made.open()
        for entry in surplus(adapter.entries()):
            adapter.withdraw(entry)
        found = {entry.marker: entry for one in many for entry in settled(adapter, one)}
        assert len(adapter.entries()) == len(found) == len(many)
        assert [one.id for one in many if differences(adapter.expected(one), found[one.id])] == []
        assert made.gateway.duplicates() == {}
        assert {each.marker: each.secret for each in made.gateway.ours()} == {one.id: one.secret for one in many}
        assert made.strangers() == before


class TestReading:
    """What cannot be read is not guessed."""

    @pytest.mark.parametrize(("kind", "operation"), pairs(READS))
    @pytest.mark.parametrize("fault", UNREADABLE)
    def test_an_unreadable_answer_is_an_error_and_never_a_part(
        self, kind: str, operation: Operation, fault: str, place: Make
    ) -> None:
        """Whoever takes half a list for the whole would publish the rest twice."""
        made, one = place(kind), wanted()
        operation.before(made.open(), one)
        made.gateway.faults.set(fault, on="*", times=None)
        with pytest.raises(RemoteError) as caught:
            operation.call(made.open(), one)
        assert caught.value.code.startswith("error.target.")

    @pytest.mark.parametrize(("kind", "operation"), pairs(READS))
    def test_a_read_changes_nothing_and_costs_nothing(self, kind: str, operation: Operation, place: Make) -> None:
        """No write reaches the gateway, and no vendor is asked on its behalf."""
        made, one = place(kind), wanted()
        operation.before(made.open(), one)
        made.gateway.forget()
        operation.call(made.open(), one)
        assert (made.gateway.writes(), made.gateway.spent) == ([], 0)
        assert made.gateway.heard()

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_gateway_that_is_busy_for_a_moment_is_asked_again(self, kind: str, place: Make) -> None:
        """Two failures of a read are not the caller's concern."""
        made = place(kind)
        made.open().create(wanted())
        made.gateway.faults.set("503", on="GET *", times=2)
        assert len(made.open().entries()) == 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_test_of_the_connection_tells_the_version(self, kind: str, place: Make) -> None:
        """Where the gateway says it."""
        made = place(kind)
        assert made.open().test().version in (made.gateway.version, "")


class TestRefusals:
    """A credential that is refused."""

    @pytest.mark.parametrize(("kind", "operation"), pairs(READS))
    def test_a_wrong_credential_stops_the_run_and_is_sent_once(self, kind: str, operation: Operation, place: Make) -> None:
        """Some gateways ban an address after a few failures: no second try, whatever was asked."""
        made = place(kind)
        adapter = made.open(secret=REFUSED.get(kind, "wrong-secret-0123456789"))
        with pytest.raises(StopRun) as caught:
            operation.call(adapter, wanted())
        assert caught.value.code == "error.target.stop_run"
        public = ("/health", "/api/status", "/api/version", "/api/v1/settings/public")
        assert len([call for call in made.gateway.heard() if call.path not in public]) == 1

    @pytest.mark.parametrize(("kind", "operation"), pairs((*READS, *WRITES)))
    @pytest.mark.parametrize("status", ["401", "403"])
    def test_a_right_that_is_taken_away_stops_the_run(self, kind: str, operation: Operation, status: str, place: Make) -> None:
        """In the middle of work, too."""
        made, one = place(kind), wanted()
        operation.before(made.open(), one)
        made.gateway.faults.set(status, on="*", times=None)
        with pytest.raises(StopRun) as caught:
            operation.call(made.open(), one)
        assert caught.value.code == "error.target.stop_run"

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_limit_of_a_write_is_told_with_its_seconds(self, kind: str, place: Make) -> None:
        """Nothing happened, and whoever runs the job waits."""
        made = place(kind)
        made.gateway.faults.set("429", on="writes", seconds=17, times=None)
        with pytest.raises(RateLimited) as caught:
            made.open().create(wanted())
        assert (caught.value.retry_after, caught.value.code) == (17.0, "error.target.rate_limited")
        assert made.gateway.ours() == []

    @pytest.mark.parametrize("kind", KINDS)
    def test_another_program_at_the_address_is_told(self, kind: str) -> None:
        """A page, or a 404 of everything, is no target of this kind."""
        for said in (answer({"error": "Not Found"}, 404), answer(b"<html>log in</html>"), answer({"hello": "world"})):
            with scripted(said) as peer:
                adapter = adapter_of(kind)(
                    Access(kind, secret="admin-0123456789", user="1", base_url=peer.url, allowed=LOOPBACK), sleep=lambda _: None
                )
                with pytest.raises(RemoteError):
                    adapter.test()


class TestHooks:
    """What the caller is told and can forbid."""

    @pytest.mark.parametrize(("kind", "operation"), pairs(WRITES))
    def test_a_dry_run_sends_no_write(self, kind: str, operation: Operation, place: Make) -> None:
        """And says which would have left."""
        made, one = place(kind), wanted()
        operation.before(made.open(), one)
        made.gateway.forget()
        with pytest.raises(DryRunRefused) as caught:
            operation.call(made.open(dry_run=True), one)
        assert (made.gateway.writes(), caught.value.code) == ([], "error.target.dry_run")

    @pytest.mark.parametrize(("kind", "operation"), pairs(READS))
    def test_a_dry_run_reads(self, kind: str, operation: Operation, place: Make) -> None:
        """Logging in is no write."""
        made, one = place(kind), wanted()
        operation.before(made.open(), one)
        operation.call(made.open(dry_run=True), one)

    @pytest.mark.parametrize(("kind", "operation"), pairs(WRITES))
    def test_a_word_is_given_before_every_write_and_the_rate_kept_by_every_call(
        self, kind: str, operation: Operation, place: Make
    ) -> None:
        """As many as arrived, and one line for each call, with neither secret."""
        made, one, watch = place(kind), wanted(), Watch()
        operation.before(made.open(), one)
        made.gateway.forget()
        operation.call(made.open(**watch.hooks()), one)
        assert len(watch.writes()) == len(made.gateway.writes())
        assert watch.events.count("pace") == len(watch.told) == len(made.gateway.heard())
        spoken = " ".join([*watch.told, *watch.events])
        assert "canary" not in spoken
        assert made.gateway.secret not in spoken

    @pytest.mark.parametrize(("kind", "operation"), pairs(WRITES))
    def test_a_word_that_is_refused_keeps_the_write_from_leaving(self, kind: str, operation: Operation, place: Make) -> None:
        """A worker that lost its lease writes nothing any more."""

        class Lost(Exception):
            """The lease is gone."""

        def refuse(_: str) -> None:
            raise Lost

        made, one = place(kind), wanted()
        operation.before(made.open(), one)
        made.gateway.forget()
        with pytest.raises(Lost):
            operation.call(made.open(before_write=refuse), one)
        assert made.gateway.writes() == []


class TestSecrets:
    """Nothing repeats a secret."""

    @pytest.mark.parametrize(("kind", "operation"), pairs((*READS, *WRITES)))
    @pytest.mark.parametrize("on", ["reads", "writes"])
    def test_an_error_that_repeats_secrets_is_left_out(self, kind: str, operation: Operation, on: str, place: Make) -> None:
        """The gateway's words hold its admin credential and what was published, raw and encoded; ours hold none of it."""
        made, one, watch = place(kind), wanted(), Watch()
        operation.before(made.open(), one)
        made.gateway.faults.set("echo-secret", on=on, times=None)
        adapter, words = made.open(**watch.hooks()), ""
        adapter._line.hide(one.secret, *(each.secret for each in made.gateway.held()))
        with suppress(RemoteError):
            try:
                operation.call(adapter, one)
            except RemoteError as error:
                words = f"{error} {error.hint} {error.remote_code} {error!r}"
                raise
        spoken = " ".join([words, *watch.told])
        assert "canary" not in spoken
        assert made.gateway.secret not in spoken

    @pytest.mark.parametrize(("kind", "vendor"), kinds_and_vendors())
    def test_no_address_holds_a_secret(self, kind: str, vendor: str, place: Make) -> None:
        """Gateways and what stands before them write addresses into their logs."""
        made, one = place(kind), wanted(vendor=vendor)
        adapter = made.open()
        adapter.create(one)
        adapter.update(adapter.entries()[0], changed(one), secret=True)
        adapter.read_back()
        adapter.withdraw(adapter.entries()[0])
        lines = " ".join(call.line for call in made.gateway.heard())
        assert "canary" not in lines
        assert made.gateway.secret not in lines

    @pytest.mark.parametrize("kind", KINDS)
    def test_values_show_no_secret_when_they_are_printed(self, kind: str, place: Make) -> None:
        """Neither an entry nor a reading, though the gateway may show keys in clear."""
        adapter = place(kind).open()
        adapter.create(wanted())
        printed = repr(adapter.entries()) + repr(adapter.read_back()) + repr(adapter.expected(wanted()))
        assert "canary" not in printed
        assert wanted().digest not in printed
