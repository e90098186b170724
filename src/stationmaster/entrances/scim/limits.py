"""What a request may ask at most. Owns: those limits, and telling a body that is beyond them before anybody reads it."""

from typing import Any, Final

import msgspec

MAX_BODY: Final = 1024 * 1024        # bytes
MAX_DEPTH: Final = 12                # levels of JSON
MAX_OPERATIONS: Final = 500          # of one PATCH
MAX_CHANGES: Final = 100             # the same, of one that is not about members alone: each costs milliseconds, under a lock
MAX_QUERY: Final = 8192              # bytes of a query string
MAX_FIELDS: Final = 20               # of one
MAX_RESULTS: Final = 200             # resources of one page


class BeyondLimits(Exception):
    """This request is not read. `status` and `kind` are SCIM's (RFC 7644 section 3.12)."""

    def __init__(self, detail: str, status: int = 400, kind: str = "invalidSyntax") -> None:
        super().__init__(detail)
        self.detail, self.status, self.kind = detail, status, kind


def check(body: bytes) -> None:
    """Raise `BeyondLimits` for a body that is no JSON, too deep, or asks for too much at once."""
    if not body:
        return
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BeyondLimits("the body is not JSON") from None
    if _deeper(value, MAX_DEPTH):
        raise BeyondLimits(f"the body is deeper than {MAX_DEPTH} levels")
    operations = next((each for name, each in value.items() if name.lower() == "operations"), None) if _is_table(value) else None
    if isinstance(operations, list) and len(operations) > MAX_OPERATIONS:
        raise BeyondLimits(f"a PATCH has at most {MAX_OPERATIONS} operations", kind="tooMany")


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _deeper(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    found = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, dict | list)]
