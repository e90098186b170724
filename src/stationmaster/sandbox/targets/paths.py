"""Which of a gateway's methods answers a call: by its path, parts of which are variable."""

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.targets.frame import Call

Params = Mapping[str, str]
Act = Callable[[Call, Params], Answer]


def chosen(routes: Sequence[tuple[str, str, Act]], call: Call) -> tuple[Act, Params] | None:
    """The first of (method, path, act) that a call meets, with the variable parts of its path, decoded; `{name}` is a part of one
    segment."""
    for method, path, act in routes:
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path), call.path) if method == call.method else None
        if found:
            return act, {name: unquote(value) for name, value in found.groupdict().items()}
    return None


def whole(text: str, usual: int) -> int:
    """A number of a query, or the usual one."""
    return int(text) if re.fullmatch(r"\d{1,9}", text) else usual
