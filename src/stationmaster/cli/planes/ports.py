"""Whether what is about to start can listen where it is told to, asked before anything does."""

from collections.abc import Iterable

from stationmaster.diagnosis.ports import Port, look
from stationmaster.errors import StationmasterError

OPTIONS = {"console.port": "--console-port", "gateway.port": "--port", "gateway.metrics_port": "--metrics-port",
           "sandbox.port": "--sandbox-port"}  # fmt: skip


def check(ports: Iterable[Port]) -> None:
    """Raise `StationmasterError` for the first that cannot be listened on."""
    for port in ports:
        state, why = look(port)
        if state == "free":
            continue
        who = {"ours": "a Stationmaster listens there already", "foreign": "another program listens there"}.get(state, why)
        place = f"[{port.host}]:{port.number}" if ":" in port.host else f"{port.host}:{port.number}"
        setting = "" if port.setting == "sandbox.port" else f", or set {port.setting}"
        raise StationmasterError(
            "error.up.port", f"{place} cannot be listened on: {who}", fault="operator",
            hint=f"choose another with {OPTIONS[port.setting]}{setting}",
        )
