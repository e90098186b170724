"""CLIProxyAPI: lists that are replaced whole, no ids, keys in clear, and a ban after five wrong keys."""

import json
from typing import Any

import pytest

from line.scripted import answer, scripted
from stationmaster.line.errors import NotFound, Rejected, RemoteError, StopRun, Transient
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets.cpa import WRONG, Cpa
from stationmaster.targets._base import Access
from stationmaster.targets.cpa import Adapter
from stationmaster.targets.matching import differences
from targets.kit import LOOPBACK, fresh, opened, wanted

VENDORS = ("openai", "anthropic", "gemini", "openai_compatible")
PATHS = {"openai": "codex-api-key", "anthropic": "claude-api-key", "gemini": "gemini-api-key",
         "openai_compatible": "openai-compatibility"}  # fmt: skip


@pytest.fixture
def proxy(sandbox: SandboxServer) -> Cpa:
    """An instance of this test's own."""
    made = sandbox.targets.make("cpa", fresh())
    assert isinstance(made, Cpa)
    return made


def at(url: str, **access: Any) -> Adapter:
    """An adapter for whoever listens there."""
    return Adapter(Access("cpa", secret="management-key", base_url=url, allowed=LOOPBACK, **access), sleep=lambda _: None)


def theirs(vendor: str, number: int = 1) -> dict[str, Any]:
    """Somebody else's entry, with fields that we know nothing of."""
    row: dict[str, Any] = {"base-url": "https://theirs.example", "request-retry": 2, "priority": 3, "headers": {"X-Team": "b"}}
    if vendor == "openai_compatible":
        return row | {"name": f"theirs {number}", "api-key-entries": [{"api-key": f"sk-theirs-{number}"}, {"api-key": "sk-more"}]}
    return row | {"api-key": f"sk-theirs-{number}", "excluded-models": ["model-x"]}


class TestBans:
    """Nobody warns before the ban."""

    def test_a_refused_key_is_sent_once_whatever_is_asked_afterwards(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Every later question meets the same refusal without a call: the fifth would ban everybody behind our address."""
        adapter = opened(proxy, sandbox, secret="wrong-management-key")
        for ask in (adapter.test, adapter.entries, adapter.read_back, lambda: adapter.create(wanted()), adapter.test) * 2:
            with pytest.raises(StopRun):
                ask()
        assert len(proxy.heard()) == 1
        assert WRONG > 1
        assert not proxy.banned

    def test_a_failing_target_costs_no_try_of_the_key(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Only a refusal is final; a 500 is tried again."""
        proxy.faults.set("500", times=1)
        assert opened(proxy, sandbox).test().version == "v7.0.3"

    def test_a_target_that_serves_this_machine_alone_is_told_apart(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """The hint says what to set there."""
        proxy.remote = False
        with pytest.raises(StopRun) as caught:
            opened(proxy, sandbox).test()
        assert "allow-remote" in caught.value.hint

    def test_a_target_without_a_key_serves_nothing(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """A 404 of management is about all of it."""
        proxy.unset = True
        for ask in (opened(proxy, sandbox).test, opened(proxy, sandbox).entries):
            with pytest.raises(StopRun):
                ask()


class TestMarkers:
    """Entries have no id and no note."""

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_the_marker_is_neither_sent_to_the_vendor_nor_seen_by_clients(
        self, vendor: str, proxy: Cpa, sandbox: SandboxServer
    ) -> None:
        """It stands in no header, no prefix and no model's name, and survives being kept in lower case."""
        adapter = opened(proxy, sandbox)
        adapter.create(wanted(vendor=vendor))
        row = proxy.rows(PATHS[vendor])[0]
        assert not {"headers", "prefix"} & row.keys()
        assert "stationmaster" not in json.dumps([row["models"], row["base-url"]])
        assert [entry.marker for entry in adapter.entries()] == [wanted().id]

    @pytest.mark.parametrize("name", ["sm-cred_1", "stationmaster", "my stationmaster-cred_1", "Stationmaster-cred_1"])
    def test_a_name_that_resembles_ours_is_somebody_elses(self, name: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Only the whole name makes a provider ours."""
        proxy.rows("openai-compatibility").append(theirs("openai_compatible") | {"name": name})
        assert opened(proxy, sandbox).entries() == []

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_of_two_entries_of_one_credential_one_can_be_withdrawn(self, vendor: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """The second is told apart and goes by itself, though deleting by name would take both."""
        adapter = opened(proxy, sandbox)
        adapter.create(wanted(vendor=vendor))
        rows = proxy.rows(PATHS[vendor])
        rows.append(rows[0] | ({} if vendor == "openai_compatible" else {"api-key": "sk-second"}))
        first, second = adapter.entries()
        adapter.withdraw(second)
        assert [entry.id for entry in adapter.entries()] == [first.id] == [wanted().id]


class TestLists:
    """What others have in a list goes back as it came."""

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_other_peoples_entries_stay_as_they_are(self, vendor: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Over create, two kinds of change, and withdrawal; computed fields are not written back."""
        rows = [theirs(vendor, number) for number in (1, 2)]
        proxy.rows(PATHS[vendor]).extend(dict(row) for row in rows)
        adapter, one = opened(proxy, sandbox), wanted(vendor=vendor)
        entry = adapter.create(one)
        adapter.update(entry, wanted(vendor=vendor, models=("model-c",)))
        adapter.update(entry, wanted(vendor=vendor, models=("model-c",), priority=1))
        adapter.withdraw(entry)
        assert proxy.rows(PATHS[vendor]) == rows
        assert not [call for call in proxy.heard() if call.method != "GET" and b"auth-index" in call.body]

    @pytest.mark.parametrize("said", [{}, {"codex-api-key": {}}, {"codex-api-key": ["x"]}, [], {"error": "no"}])
    def test_a_list_that_could_not_be_read_is_not_written(self, said: object) -> None:
        """A PUT of half a list would delete what others have."""
        with scripted(answer(said)) as peer:
            adapter = at(peer.url)
            with pytest.raises(RemoteError):
                adapter.create(wanted())
        assert all(line.startswith("GET ") for line in peer.heads())

    @pytest.mark.parametrize("name", ["500", "close", "cut", "html", "bad-json", "wrong-shape"])
    def test_a_failed_read_is_followed_by_no_write(self, name: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Whatever way it failed."""
        proxy.rows("codex-api-key").append(theirs("openai"))
        proxy.faults.set(name, on="reads", times=None)
        with pytest.raises(Transient):
            opened(proxy, sandbox).create(wanted())
        assert proxy.writes() == []

    def test_an_edit_that_undoes_ours_is_seen_and_repeated(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Somebody who had read the list before us writes it after us: our entry is put back, theirs stays."""
        adapter = opened(proxy, sandbox)
        after = iter(range(10))

        def undo() -> None:
            if next(after) == 0:
                proxy.meanwhile("GET */codex-api-key", _set(proxy, [theirs("openai")]))

        proxy.meanwhile("PUT *", undo)
        adapter.create(wanted())
        assert [row["api-key"] for row in proxy.rows("codex-api-key")] == ["sk-theirs-1", wanted().secret]

    def test_somebody_who_always_undoes_it_is_told_of(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """After some tries it is given up, as something that may have happened."""

        def again() -> None:
            proxy.meanwhile("GET */codex-api-key", _set(proxy, []))
            proxy.meanwhile("PUT *", again)

        proxy.meanwhile("PUT *", again)
        with pytest.raises(Transient) as caught:
            opened(proxy, sandbox).create(wanted())
        assert caught.value.maybe_done

    def test_changes_of_one_target_wait_for_each_other(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """The caller's lock is held around every change of a list, and around nothing else."""
        held: list[str] = []

        class Lock:
            def __enter__(self) -> None:
                held.append("in")

            def __exit__(self, *_: object) -> None:
                held.append("out")

        adapter = opened(proxy, sandbox, exclusive=Lock)
        entry = adapter.create(wanted())
        adapter.update(entry, wanted(priority=3))
        adapter.withdraw(entry)
        adapter.entries()
        assert held == ["in", "out"] * 3

    def test_a_file_that_cannot_be_written_is_told(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Nothing was done, and nothing says that it was."""
        proxy.writable = False
        with pytest.raises(Transient) as caught:
            opened(proxy, sandbox).create(wanted())
        assert "permission denied" in caught.value.message

    def test_a_list_that_is_emptied_is_sent_as_a_list(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """The other form of an empty list is refused."""
        adapter = opened(proxy, sandbox)
        adapter.withdraw(adapter.create(wanted()))
        assert proxy.rows("codex-api-key") == []


class TestTwins:
    """Keys that are there already."""

    def test_a_list_that_drops_equal_entries_is_not_written(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Ours would vanish without a word behind somebody else's."""
        row = theirs("gemini") | {"api-key": wanted().secret, "base-url": "https://generativelanguage.googleapis.com"}
        proxy.rows("gemini-api-key").append(row)
        with pytest.raises(Rejected):
            opened(proxy, sandbox).create(wanted(vendor="gemini"))
        assert proxy.writes() == []

    @pytest.mark.parametrize("vendor", ["openai", "anthropic"])
    def test_a_change_never_meets_the_first_of_two_equal_keys(self, vendor: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """PATCH finds entries by their key and would change somebody else's."""
        row = theirs(vendor) | {"api-key": wanted().secret}
        proxy.rows(PATHS[vendor]).append(dict(row))
        adapter = opened(proxy, sandbox)
        entry = adapter.create(wanted(vendor=vendor))
        adapter.update(entry, wanted(vendor=vendor, models=("model-c",)))
        assert proxy.rows(PATHS[vendor])[0] == row
        assert adapter.entries()[0].models == ("model-c",)

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_a_change_of_one_entry_leaves_the_list_alone(self, vendor: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """It is sent as such, but for the priority, which PATCH does not hear."""
        adapter = opened(proxy, sandbox)
        entry = adapter.create(wanted(vendor=vendor))
        proxy.forget()
        adapter.update(entry, wanted(2, vendor, id=wanted().id, name="n", enabled=False))
        assert [write.operation.partition(" ")[0] for write in proxy.writes()] == ["PATCH"]
        changed = wanted(2, vendor, id=wanted().id, priority=77)
        adapter.update(entry, changed)
        assert differences(adapter.expected(changed), adapter.entries()[0]) == ()
        assert proxy.rows(PATHS[vendor])[0]["priority"] == -27


class TestSecrets:
    """It shows keys to whoever asks."""

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_no_address_holds_a_key(self, vendor: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """Addresses end in logs: neither of ours nor of the target's."""
        told: list[str] = []
        adapter = opened(proxy, sandbox, told=told.append)
        entry = adapter.create(wanted(vendor=vendor))
        adapter.update(entry, wanted(2, vendor, id=wanted().id))
        adapter.read_back()
        adapter.withdraw(entry)
        spoken = " ".join([*told, *(call.line for call in proxy.heard())])
        assert "canary" not in spoken

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_a_rotated_key_is_seen(self, vendor: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """The target shows what it holds, so that drift of the secret itself is told and put right."""
        adapter = opened(proxy, sandbox)
        adapter.create(wanted(vendor=vendor))
        rotated = wanted(2, vendor, id=wanted().id)
        assert differences(adapter.expected(rotated), adapter.entries()[0]) == ("secret",)
        adapter.update(adapter.entries()[0], rotated)
        assert proxy.ours()[0].secret == rotated.secret

    def test_a_second_key_that_somebody_adds_to_ours_is_drift(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """A provider of ours has one key."""
        adapter, one = opened(proxy, sandbox), wanted(vendor="openai_compatible")
        adapter.create(one)
        proxy.rows("openai-compatibility")[0]["api-key-entries"].append({"api-key": "sk-theirs"})
        assert differences(adapter.expected(one), adapter.entries()[0]) == ("secret",)


class TestReadingBack:
    """Counters, and no state."""

    def test_counts_are_told_and_health_is_not_invented(self, proxy: Cpa, sandbox: SandboxServer) -> None:
        """By key and address; reading takes nothing away."""
        adapter = opened(proxy, sandbox)
        adapter.create(wanted())
        proxy.served("https://api.openai.com/v1", wanted().secret, 5, 2)
        for _ in range(2):
            reading = adapter.read_back()[0]
            assert (reading.health.state, reading.usage.requests, reading.usage.failures) == ("unknown", 7, 2)
        assert not [call for call in proxy.heard() if "usage-queue" in call.path or "api-call" in call.path]

    @pytest.mark.parametrize("vendor", VENDORS)
    def test_an_entry_that_serves_nothing_is_paused(self, vendor: str, proxy: Cpa, sandbox: SandboxServer) -> None:
        """By its flag, or by excluding every model, beside what somebody else excluded."""
        adapter = opened(proxy, sandbox)
        entry = adapter.create(wanted(vendor=vendor))
        if vendor != "openai_compatible":
            proxy.rows(PATHS[vendor])[0]["excluded-models"].append("model-x")
        adapter.update(entry, wanted(vendor=vendor, enabled=False))
        assert adapter.read_back()[0].health.state == "paused"
        adapter.update(entry, wanted(vendor=vendor))
        assert adapter.read_back()[0].health.state == "unknown"
        assert vendor == "openai_compatible" or "model-x" in proxy.rows(PATHS[vendor])[0]["excluded-models"]


def test_an_address_without_models_would_serve_nothing(proxy: Cpa, sandbox: SandboxServer) -> None:
    """An OpenAI-compatible provider is called by its list of models alone."""
    with pytest.raises(Rejected):
        opened(proxy, sandbox).create(wanted(vendor="openai_compatible", models=()))
    assert proxy.heard() == []


def test_what_is_gone_is_told(proxy: Cpa, sandbox: SandboxServer) -> None:
    """A change of it, and a second withdrawal."""
    adapter = opened(proxy, sandbox)
    entry = adapter.create(wanted())
    adapter.withdraw(entry)
    with pytest.raises(NotFound):
        adapter.withdraw(entry)
    with pytest.raises(NotFound):
        adapter.update(entry, wanted(name="x"))


def _set(proxy: Cpa, rows: list[dict[str, Any]]) -> Any:
    return lambda: proxy.rows("codex-api-key").__setitem__(slice(None), [dict(row) for row in rows])
