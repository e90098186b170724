"""Errors as REST and the gateways' door show them. Owns: that one shape."""

from typing import Any

from stationmaster.errors import StationmasterError


def as_json(error: StationmasterError, request_id: str) -> dict[str, Any]:
    """`fields`: what is wrong with which field; `retryable`: the same call may work later."""
    return {
        "error": {
            "code": error.code, "message": error.message, "hint": error.hint, "request_id": request_id,
            "retryable": error.retryable, "fields": error.fields,
        }
    }  # fmt: skip
