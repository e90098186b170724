"""What an operator is told of credentials on stderr: one line when one goes out of service, one when it is back. Owns the
sentences. May not know who prints them, nor the clock.
"""

from datetime import UTC, datetime

from stationmaster.gateway.core.life import Life, State

_OUT: tuple[State, ...] = ("disabled", "probing")    # a probe under way is no news: what comes of it is


def notice(credential: str, before: Life, after: Life, *, epoch: float, probed: bool) -> str:
    """The line for a step of a credential's life; empty when it goes on as it was. `epoch` makes seconds since 1970 of the
    lives' clock; `probed`: somebody asks vendors whether credentials work."""
    was, is_ = before.state in _OUT, after.state in _OUT
    if was == is_:
        return ""
    if was:
        return f"credential {credential} is back in service"
    word = f" ({after.code})" if after.code else ""
    known = f", next probe {_time(epoch + after.next_probe)}" if probed and after.next_probe else ""
    return f"credential {credential} is out of service: {after.cause}{word}{known}"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
