"""The supervisor of planes: who is begun, who is begun again, in which order they end."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.processes import arguments, children, is_alive
from stationmaster.running.plane import Plane
from stationmaster.running.supervisor import Supervisor
from up.kit import until

pytestmark = pytest.mark.timeout(300)
SOURCE = Path(__file__).parent


class House:
    """Planes named a, b, c…, each with a behaviour, run in this process; a thread of its own does the rest."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, behaviours: Mapping[str, Mapping[str, Any]]) -> None:
        monkeypatch.setenv("PYTHONPATH", str(SOURCE))
        self.notes = folder / "notes"
        self.notes.touch()
        self.said: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.planes = {name: self._plane(name, behaviour) for name, behaviour in behaviours.items()}

    def _plane(self, name: str, behaviour: Mapping[str, Any]) -> Plane:
        options = {"name": name, "notes": str(self.notes), **behaviour}
        return Plane(name, "child", lambda _: options, reloads=bool(behaviour.get("reloads")))

    def run(self, act: Callable[[], object], *, stages: Sequence[str] = ("a", "b"), fatal: bool = True, **more: Any) -> int:
        """Run them; `act` happens meanwhile, in a thread."""
        found = [[self.planes[name] for name in stage] for stage in stages]
        supervisor = Supervisor(found, self.said.append, self._hear, lambda _: fatal, **more)
        thread = threading.Thread(target=act)
        thread.start()
        try:
            return supervisor.run(list(self.planes.values()))
        finally:
            thread.join()

    def _hear(self, plane: Plane, news: Mapping[str, Any]) -> None:
        self.told.append((plane.name, news["event"]))

    def noted(self, *lines: str) -> bool:
        """Whether all of these were written down."""
        return set(lines) <= set(self.notes.read_text().splitlines())

    def pid(self, name: str) -> int:
        """A plane's process id."""
        words = f'"name": "{name}"'.encode()
        return next(pid for pid in children(os.getpid()) if b"child" in arguments(pid) and words in arguments(pid))


def raise_here(number: int) -> None:
    """Send this process a signal."""
    os.kill(os.getpid(), number)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., House]:
    """Make a house of planes."""
    return lambda **behaviours: House(tmp_path, monkeypatch, behaviours)


def test_what_it_does_not_inherit(house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that a plane goes without are not in its environment; others are."""
    monkeypatch.setenv("HOUSE_SECRET", "canary-in-a-variable")
    monkeypatch.setenv("OTHER_PLACE", "here")
    planes = house(a={}, b={})
    planes.planes["b"]._without = "HOUSE_"
    seen: dict[str, bytes] = {}

    def look() -> None:
        until(lambda: len(planes.told) == 4)
        seen.update({name: Path(f"/proc/{planes.pid(name)}/environ").read_bytes() for name in "ab"})
        raise_here(signal.SIGTERM)

    planes.run(look)
    assert [b"canary-in-a-variable" in seen[name] for name in "ab"] == [True, False]
    assert b"OTHER_PLACE=here" in seen["b"]


def test_stages_end_one_after_another(house: Callable[..., House]) -> None:
    """What is in a later stage is told to end when the earlier one has ended, however long that takes."""
    planes = house(a={"linger": 1.0}, b={})

    def act() -> None:
        until(lambda: planes.noted("a started", "b started"))
        until(lambda: len(planes.told) == 4)
        raise_here(signal.SIGTERM)

    assert planes.run(act) == 0
    assert planes.notes.read_text().splitlines()[2:] == ["a signal 15", "a ended", "b signal 15", "b ended"]
    assert sorted(planes.told) == [("a", "hello"), ("a", "ready"), ("b", "hello"), ("b", "ready")]


def test_a_second_signal(house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal reaches all at once; what does not end then is ended."""
    monkeypatch.setattr("stationmaster.running.supervisor.AT_ONCE", 0.5)
    planes = house(a={"linger": 600}, b={})

    def act() -> None:
        until(lambda: len(planes.told) == 4)
        raise_here(signal.SIGTERM)
        until(lambda: planes.noted("a signal 15"))
        raise_here(signal.SIGTERM)

    assert planes.run(act) == 0
    assert planes.noted("b ended")
    assert not planes.noted("a ended")


def test_who_dies_is_started_again(house: Callable[..., House]) -> None:
    """A plane that was killed is begun again, and the others never hear of it."""
    planes = house(a={}, b={})

    def act() -> None:
        until(lambda: len(planes.told) == 4)
        os.kill(planes.pid("a"), signal.SIGKILL)
        until(lambda: planes.told.count(("a", "ready")) == 2)
        raise_here(signal.SIGINT)

    assert planes.run(act) == 0
    assert planes.said == ["a ended with -9; starting it again"]
    assert planes.notes.read_text().count("b started") == 1


def test_one_that_never_served(house: Callable[..., House]) -> None:
    """A plane that ends before it ever served ends everything with its exit code, where that is fatal."""
    planes = house(a={"broken": True}, b={})
    assert planes.run(lambda: None) == 3
    assert planes.said == []


def test_tries_grow_rarer(house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that is not fatal it is tried again, after pauses that double up to a limit."""
    monkeypatch.setattr("stationmaster.running.plane.SHORTEST", 0.01)
    planes = house(a={"broken": True}, b={})
    pauses: list[float] = []

    def act() -> None:
        until(lambda: planes.notes.read_text().count("a started") >= 4)
        pauses.append(planes.planes["a"]._pause)
        raise_here(signal.SIGTERM)

    assert planes.run(act, fatal=False) == 0
    assert pauses[0] >= 0.08      # 0.01, doubled after each of three ends


def test_hangup_is_passed_on(house: Callable[..., House]) -> None:
    """SIGHUP reaches the planes that read things again, and ends none."""
    planes = house(a={"reloads": True}, b={})

    def act() -> None:
        until(lambda: len(planes.told) == 4)
        raise_here(signal.SIGHUP)
        until(lambda: planes.noted("a signal 1"))
        time.sleep(0.3)
        raise_here(signal.SIGTERM)

    assert planes.run(act) == 0
    assert not planes.noted("b signal 1")


def test_hangup_may_be_the_end(house: Callable[..., House]) -> None:
    """Where a closed terminal means the end, it is one."""
    planes = house(a={}, b={})

    def act() -> None:
        until(lambda: len(planes.told) == 4)
        raise_here(signal.SIGHUP)

    assert planes.run(act, hangup_ends=True) == 0
    assert planes.noted("a ended", "b ended")


def test_who_is_let_go_of_ends_itself(house: Callable[..., House]) -> None:
    """A plane whose starter is gone gets SIGTERM from itself."""
    planes = house(a={})
    plane = planes.planes["a"]
    plane.start()
    until(lambda: planes.noted("a started"))
    pid = planes.pid("a")
    assert plane._line is not None
    plane._line.close()
    plane._line = None
    until(lambda: plane.ended() == 0)
    assert planes.noted("a signal 15", "a ended")
    assert not is_alive(pid)
