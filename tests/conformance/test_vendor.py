"""Every adapter keeps the same promises, at a simulated vendor that misbehaves. One that nothing here asks cannot exist."""

import json
import logging
import pkgutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.places import (
    ADMINISTERED,
    LOOPBACK,
    NEW,
    PROBED,
    READS,
    WRITES,
    Operation,
    Place,
    Watch,
    adapter_of,
    offers,
    place_at,
)
from line.scripted import Script, answer, nothing, scripted
from stationmaster import vendors
from stationmaster.line.errors import (
    AlreadyExists,
    DirectoryManaged,
    DryRunRefused,
    NotFound,
    RateLimited,
    Rejected,
    RemoteError,
    StopRun,
    Transient,
)
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import Access, Capability
from stationmaster.vendors.registry import VENDORS, open_vendor

INVITING = tuple(name for name in ADMINISTERED if Capability.INVITES in VENDORS[name].capabilities)
PROBE_SECRETS = {"bedrock": "bedrock-api-key-conformance-0123456789"}
SECRET = "conformance-secret-0123456789"
WITHOUT = {"manual"}      # vendors without any interface

TRIES = 3
TROUBLES = (
    pytest.param({}, id="calm"),
    pytest.param({"shifting": "repeat"}, id="shifting"),
    pytest.param({"duplicate_rows": True}, id="doubled"),
)


def pairs(operations: tuple[Operation, ...]) -> list[Any]:
    """(vendor, operation) for what each has."""
    return [
        pytest.param(name, each, id=f"{name}-{each}") for name in ADMINISTERED for each in operations if each.fits(name)
    ]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    """One sandbox; every test has organisations of its own."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def place(sandbox: SandboxServer) -> Callable[..., Place]:
    """Makes an organisation at a vendor."""
    return lambda name, people=4, **settings: place_at(sandbox, name, people, **settings)


def ready(made: Place, operation: Operation) -> Any:
    """An adapter, with the organisation where the operation can be asked and an empty ledger."""
    adapter = made.open()
    operation.before(made, adapter)
    made.organisation.forget()
    return adapter


class TestWhatThereIs:
    """The registry and the adapters say the same."""

    def test_every_module_is_registered(self) -> None:
        """A module of an adapter that the registry does not name, which nothing here would ask, cannot exist."""
        found = {each.name for each in pkgutil.iter_modules(vendors.__path__) if not each.name.startswith("_")}
        assert found - {"registry"} == {each.module for each in VENDORS.values()}

    @pytest.mark.parametrize("name", VENDORS)
    def test_an_adapter_has_what_the_registry_says_and_no_more(self, name: str) -> None:
        """Capabilities are the Protocols that the adapter has the methods of."""
        access = Access(name, secret=PROBE_SECRETS.get(name, SECRET), base_url="https://api.example.com", organisation="acme")
        assert offers(open_vendor(access)) == VENDORS[name].capabilities

    @pytest.mark.parametrize("name", VENDORS)
    def test_every_adapter_is_asked_somewhere(self, name: str, sandbox: SandboxServer) -> None:
        """A vendor that is administered has a simulated one, one with a credential is probed; the others are known."""
        if name in ADMINISTERED:
            assert place_at(sandbox, name).organisation.members()
            covered = {each.needs for each in (*READS, *WRITES) if each.fits(name)} | {Capability.PROBE}
            assert VENDORS[name].capabilities <= covered
        else:
            assert name in PROBED or name in WITHOUT

    def test_the_registry_imports_no_sdk(self) -> None:
        """Lists and pages that name vendors cost no SDK; an SDK is loaded by the first call, not by opening."""
        program = (
            "import sys\n"
            "import stationmaster.vendors.registry\n"
            "heavy = {'openai', 'anthropic', 'githubkit', 'botocore', 'google', 'httpx', 'httpx2', 'httpcore2', 'django'}\n"
            "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
            "from stationmaster.vendors._base import Access\n"
            "from stationmaster.vendors.registry import VENDORS, open_vendor\n"
            "for name in ('openai', 'anthropic', 'github_copilot'):\n"
            "    open_vendor(Access(name, secret='a-secret', organisation='acme'))\n"
            "print(sorted({'openai', 'anthropic', 'githubkit', 'django'} & {name.partition('.')[0] for name in sys.modules}))\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.split() == ["[]", "[]"]


class TestReading:
    """Lists that are given while the world goes on."""

    @pytest.mark.parametrize("name", ADMINISTERED)
    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_everybody_is_given_once(self, name: str, trouble: dict[str, Any], place: Callable[..., Place]) -> None:
        """Members come each once over several pages, although pages shift and repeat rows."""
        made = place(name, 230, **trouble)
        ids = [row.id for row in made.open().members()]
        assert len(ids) == len(set(ids))
        assert set(ids) == {row.id for row in made.organisation.members()}

    @pytest.mark.parametrize("name", INVITING)
    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_every_invitation_is_given_once(self, name: str, trouble: dict[str, Any], place: Callable[..., Place]) -> None:
        """The same of invitations, and each can be found by whom it is for."""
        made = place(name)
        for number in range(210):
            made.organisation.invite(f"guest-{number:03d}@example.test", VENDORS[name].roles[0])
        for key, value in trouble.items():
            setattr(made.organisation.settings, key, value)
        adapter = made.open()
        ids = [row.id for row in adapter.invites()]
        assert len(ids) == len(set(ids)) == 210
        found = adapter.find_invite("Guest-177@example.test")
        assert (found.email, found.status) == ("guest-177@example.test", "pending")

    @pytest.mark.parametrize("name", ADMINISTERED)
    def test_somebody_is_found_by_what_the_vendor_knows(self, name: str, place: Callable[..., Place]) -> None:
        """Without regard to case; nobody else is given for somebody who is not there."""
        made = place(name)
        found = made.open().find_member(made.known("Member-003@Example.Test"))
        assert found.id == made.organisation.members()[2].id
        assert made.open().find_member(made.known("member-3@example.test")) is None
        assert made.open().find_member(made.known("member-003+x@example.test")) is None

    @pytest.mark.parametrize(("name", "operation"), pairs(READS))
    def test_reading_changes_nothing(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """A reading is answered under strict types, also in a dry run, asks nobody before a write, and makes none."""
        made, watch = place(name), Watch()
        ready(made, operation)
        operation.call(made, made.open(dry_run=True, **watch.hooks()))
        assert made.organisation.requests == len(watch.events) == len(watch.told) > 0
        assert not watch.writes()
        assert not made.organisation.writes()


class TestWriting:
    """What changes something."""

    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES))
    def test_it_is_done_once_and_seen(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """One write leaves, after pace and after word was given, and reading shows what it did."""
        made, watch = place(name), Watch()
        ready(made, operation)
        operation.call(made, made.open(**watch.hooks()))
        written = made.organisation.writes()
        assert [write.done for write in written] == [True]
        assert made.organisation.requests == watch.events.count("pace") == len(watch.told)
        base = made.organisation.base_url("")
        assert watch.writes() == [write.operation.replace(f" {base}/", " /") for write in written]
        assert operation.done is not None
        assert operation.done(made, made.open())

    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES))
    def test_a_dry_run_sends_nothing(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """No write leaves in a dry run, whatever is asked."""
        made = place(name)
        ready(made, operation)
        with pytest.raises(DryRunRefused):
            operation.call(made, made.open(dry_run=True))
        assert not made.organisation.writes()

    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES))
    def test_whoever_says_no_before_a_write_is_obeyed(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """What raises before a write keeps it here and comes out as it went in."""

        class Lost(Exception):
            """Another worker has the job."""

        def no(_: str) -> None:
            raise Lost

        made = place(name)
        ready(made, operation)
        with pytest.raises(Lost):
            operation.call(made, made.open(before_write=no))
        assert not made.organisation.writes()

    @pytest.mark.parametrize("fault", ["500-after", "close-after", "cut-after", "garbage-after", "html-after", "bad-json-after"])
    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES))
    def test_done_without_a_good_answer(self, name: str, operation: Operation, fault: str, place: Callable[..., Place]) -> None:
        """A vendor that does the work and then fails: it may have been done, it is not sent again, and reading shows it."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set(fault, on="writes", times=None)
        with pytest.raises(Transient) as caught:
            operation.call(made, made.open())
        assert caught.value.maybe_done
        assert len(made.organisation.writes()) == 1
        made.organisation.faults.clear()
        assert operation.done is not None
        assert operation.done(made, made.open())

    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES))
    def test_silence_ends(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """A vendor that never answers is left after the time of a call, and what it did is open."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set("timeout-after", on="writes")
        with pytest.raises(Transient) as caught:
            operation.call(made, made.open(timeout=0.3))
        assert caught.value.maybe_done

    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES))
    def test_too_many_calls_are_told_with_the_time_to_wait(
        self, name: str, operation: Operation, place: Callable[..., Place]
    ) -> None:
        """A write that was limited was not done, and is not tried again in here."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set("429", on="writes", seconds=40)
        with pytest.raises(RateLimited) as caught:
            operation.call(made, made.open())
        assert caught.value.retry_after == 40
        assert [write.done for write in made.organisation.writes()] == [False]


class TestMeaning:
    """What the vendor says, as what to do."""

    @pytest.mark.parametrize("fault", ["401", "403", "on-hold"])
    @pytest.mark.parametrize(("name", "operation"), pairs((READS[1], *WRITES)))
    def test_a_refused_credential_stops_the_run(
        self, name: str, operation: Operation, fault: str, place: Callable[..., Place]
    ) -> None:
        """A credential that is unknown or lacks a right, and an organisation on hold: nothing of this workspace will work. A
        right that only some credentials have is missed by its own operation alone."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set(fault, times=None)
        with pytest.raises(Rejected if operation.chosen and fault == "403" else StopRun):
            operation.call(made, made.open())

    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES))
    def test_another_change_under_way_is_waited_for(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """A conflict is refused work: try again, nothing was done."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set("409", on="writes", times=None)
        with pytest.raises(Transient) as caught:
            operation.call(made, made.open())
        assert not caught.value.maybe_done

    @pytest.mark.parametrize(("name", "operation"), pairs(WRITES[:2]))
    def test_who_is_not_there_is_not_found(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """Changing or removing somebody who left."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set("404", on="writes", times=None)
        with pytest.raises(NotFound):
            operation.call(made, made.open())

    @pytest.mark.parametrize("name", INVITING)
    def test_who_is_invited_or_in_exists_already(self, name: str, place: Callable[..., Place]) -> None:
        """A second invitation and one of a member are not made, and told apart from other refusals."""
        made = place(name)
        adapter, role = made.open(), VENDORS[name].roles[0]
        adapter.invite(made.known(NEW), role)
        for whom in (made.known(NEW), made.known("member-003@example.test")):
            with pytest.raises(AlreadyExists):
                adapter.invite(whom, role)
        assert made.organisation.invitations(made.known(NEW)) == 1

    @pytest.mark.parametrize("name", [each for each in INVITING if VENDORS[each].known_by == "email"])
    def test_a_domain_that_is_not_allowed_is_this_ones_fault(self, name: str, place: Callable[..., Place]) -> None:
        """Refused for good, with the vendor's reason."""
        made = place(name, allowed_domains={"example.test"})
        with pytest.raises(Rejected) as caught:
            made.open().invite("guest@elsewhere.test", VENDORS[name].roles[0])
        assert "elsewhere.test" in caught.value.message

    @pytest.mark.parametrize("name", [each for each in INVITING if VENDORS[each].known_by == "email"])
    def test_no_free_seat_is_refused_for_this_one(self, name: str, place: Callable[..., Place]) -> None:
        """Not a reason to stop: others may be changed still."""
        made = place(name, seats=4)
        with pytest.raises(Rejected):
            made.open().invite(NEW, VENDORS[name].roles[0])

    @pytest.mark.parametrize("name", [each for each in ("openai", "anthropic") if each in INVITING])
    def test_a_directory_keeps_its_people(self, name: str, place: Callable[..., Place]) -> None:
        """Inviting, removing and changing people that a directory owns is refused as that."""
        made = place(name, directory_managed=True)
        adapter = made.open()
        for write in WRITES[:3]:
            write.before(made, adapter)
            with pytest.raises(DirectoryManaged):
                write.call(made, adapter)

    @pytest.mark.parametrize("name", ADMINISTERED)
    def test_an_answer_without_measure_is_left(self, name: str, place: Callable[..., Place]) -> None:
        """More than an answer may hold is not read."""
        made = place(name)
        made.organisation.faults.set("big", times=None)
        with pytest.raises(Transient):
            list(made.open().members())

    @pytest.mark.parametrize("fault", ["html", "bad-json", "wrong-shape", "garbage", "cut", "close"])
    @pytest.mark.parametrize(("name", "operation"), pairs(READS))
    def test_odd_answers_are_transient(self, name: str, operation: Operation, fault: str, place: Callable[..., Place]) -> None:
        """An answer that cannot be read is the vendor's fault of the moment, never an error of ours."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set(fault, times=None)
        with pytest.raises(Transient) as caught:
            operation.call(made, made.open())
        assert not caught.value.maybe_done

    @pytest.mark.parametrize(("name", "operation"), pairs((*READS, *WRITES)))
    def test_a_redirect_is_followed_by_nobody(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """The workspace's address is another, which a person has to say."""
        made = place(name)
        ready(made, operation)
        made.organisation.faults.set("redirect", times=None)
        with pytest.raises(StopRun):
            operation.call(made, made.open())


class TestTries:
    """Reading is tried again, a little."""

    @pytest.mark.parametrize(("name", "operation"), pairs(READS))
    def test_one_failure_is_not_noticed(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """A vendor that fails once is asked again, with its own pace."""
        made, watch = place(name), Watch()
        ready(made, operation)
        made.organisation.faults.set("503", times=1)
        operation.call(made, made.open(**watch.hooks()))
        assert watch.events.count("pace") == made.organisation.requests > 1

    @pytest.mark.parametrize(("name", "operation"), pairs(READS))
    def test_a_vendor_that_fails_is_left(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """A handful of tries and no more; the pauses between them are seconds."""
        made = place(name)
        made.organisation.faults.set("500", times=None)
        waits: list[float] = []
        with pytest.raises(Transient):
            operation.call(made, made.open(sleep=waits.append))
        assert made.organisation.requests == TRIES
        assert sum(waits) < 10

    @pytest.mark.parametrize(("name", "operation"), pairs(READS))
    def test_a_long_wait_is_told(self, name: str, operation: Operation, place: Callable[..., Place]) -> None:
        """Nobody sleeps for minutes in here."""
        made = place(name)
        made.organisation.faults.set("429", times=None, seconds=600)
        waits: list[float] = []
        with pytest.raises(RateLimited) as caught:
            operation.call(made, made.open(sleep=waits.append))
        assert (caught.value.retry_after, waits) == (600, [])


class TestSecrets:
    """The credential is nowhere."""

    @pytest.mark.parametrize(("name", "operation"), pairs((*READS, *WRITES)))
    def test_a_vendor_that_repeats_it_is_not_quoted(
        self, name: str, operation: Operation, place: Callable[..., Place], caplog: pytest.LogCaptureFixture
    ) -> None:
        """In no error, traceback, log or told line, at any level, though the vendor says it raw and encoded."""
        made, watch = place(name), Watch()
        ready(made, operation)
        made.organisation.faults.set("echo-secret", times=None)
        caplog.set_level(logging.DEBUG)
        adapter = made.open(**watch.hooks())
        with pytest.raises(RemoteError) as caught:
            operation.call(made, adapter)
        error = caught.value
        seen = "".join((
            repr(vars(error)), *traceback.format_exception(error), caplog.text, *watch.told, *watch.events,
            *(repr(vars(record)) for record in caplog.records), repr(adapter), repr(vars(adapter)),
        ))  # fmt: skip
        assert made.organisation.secret not in seen

    @pytest.mark.parametrize("name", ADMINISTERED)
    def test_a_hostile_environment_changes_nothing(
        self,
        name: str,
        place: Callable[..., Place],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Keys, addresses, headers, proxies, profiles and log switches of the environment reach neither vendor nor logs."""
        made = place(name)
        with scripted(answer({"hijacked": True})) as thief:
            for key, value in _hostile(thief.url, tmp_path).items():
                monkeypatch.setenv(key, value)
            caplog.set_level(logging.DEBUG)
            adapter = made.open()
            assert len(list(adapter.members())) == 4
            WRITES[1].before(made, adapter)
            WRITES[1].call(made, adapter)
        assert not thief.requests
        assert "intruder" not in repr(made.sandbox.asked()) + caplog.text
        assert made.organisation.secret not in caplog.text


def _hostile(url: str, folder: Path) -> dict[str, str]:
    (folder / "netrc").write_text("default login intruder password intruder\n")
    (folder / "configs").mkdir()
    (folder / "configs" / "default.json").write_text(json.dumps({"base_url": url, "workspace_id": "intruder"}))
    (folder / "active_config").write_text("default")
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), url)
    headers = "Authorization: Bearer intruder\nX-Intruder: intruder\nContent-Type: text/intruder"
    return proxies | {
        "NETRC": str(folder / "netrc"), "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "ANTHROPIC_CONFIG_DIR": str(folder),
        "OPENAI_API_KEY": "intruder", "OPENAI_ADMIN_KEY": "intruder", "OPENAI_ORG_ID": "intruder",
        "OPENAI_PROJECT_ID": "intruder", "OPENAI_BASE_URL": url, "OPENAI_CUSTOM_HEADERS": headers,
        "OPENAI_LOG": "debug", "OPENAI_WEBHOOK_SECRET": "intruder",
        "ANTHROPIC_API_KEY": "intruder", "ANTHROPIC_AUTH_TOKEN": "intruder", "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_CUSTOM_HEADERS": headers, "ANTHROPIC_LOG": "debug", "ANTHROPIC_PROFILE": "default",
        "GITHUB_TOKEN": "intruder", "GH_TOKEN": "intruder", "CURSOR_API_KEY": "intruder",
    }  # fmt: skip


class TestProbe:
    """A credential for inference, without a completion."""

    @pytest.mark.parametrize("name", PROBED)
    @pytest.mark.parametrize(
        ("said", "ok"),
        [(answer({"error": {"code": "invalid_api_key", "message": "no"}}, 401), False),
         (answer({"error": {"code": "billing_error", "message": "pay"}}, 402), False),
         (answer({"error": {"code": "permission_error", "message": "no"}}, 403), False),
         (answer({"error": {"status": "INVALID_ARGUMENT", "message": "API key not valid."}}, 400), False),
         (answer({"error": {"code": "rate_limit_exceeded", "message": "slow"}}, 429), True),
         (answer({"error": {"code": "insufficient_quota", "message": "pay"}}, 429), True)],
        ids=["401", "402", "403", "400", "429", "429-money"],
    )  # fmt: skip
    def test_verdicts(self, name: str, said: Script, ok: bool) -> None:
        """A refused credential is not ok and says why; being limited proves it valid. Asked once."""
        with scripted(said) as peer:
            found = _probing(name, peer.url).probe()
        assert found.ok is ok
        assert found.code
        assert found.words
        assert len(peer.requests) == 1

    @pytest.mark.parametrize("name", PROBED)
    @pytest.mark.parametrize("said", [answer({}, 500), answer({}, 529), nothing], ids=["500", "529", "nothing"])
    def test_a_vendors_own_fault_proves_nothing(self, name: str, said: Script) -> None:
        """No verdict over a credential from a vendor that fails."""
        with scripted(said) as peer, pytest.raises(Transient):
            _probing(name, peer.url).probe()

    @pytest.mark.parametrize("name", PROBED)
    def test_a_page_is_no_proof(self, name: str) -> None:
        """200 with a log-in page is not a list of models."""
        with scripted(answer(b"<html>log in</html>")) as peer:
            assert not _probing(name, peer.url).probe().ok

    @pytest.mark.parametrize("name", PROBED)
    def test_it_says_no_secret(self, name: str) -> None:
        """The verdict quotes no vendor that repeats the credential."""
        secret = PROBE_SECRETS.get(name, SECRET)
        with scripted(answer({"error": {"code": secret, "message": f"bad key {secret}"}}, 401)) as peer:
            assert secret not in repr(_probing(name, peer.url).probe())


def _probing(name: str, url: str) -> Any:
    secret = PROBE_SECRETS.get(name, SECRET)
    return adapter_of(name)(Access(name, secret=secret, base_url=url, organisation="acme", allowed=LOOPBACK), strict=True)
