"""The faults that can be asked for, by name. Owns the table and the rule which fault a request gets;
how a broken answer is sent is `delivery`'s, what an error looks like is `errors`'."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ErrorFault:
    """A fault that is an ordinary answer with an error status; `code` names a cause in the body."""

    status: int
    sentence: str
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    echo: bool = False


ERRORS: dict[str, ErrorFault] = {
    "sandbox-400": ErrorFault(400, "The request is refused as invalid."),
    "sandbox-401": ErrorFault(401, "The credential is refused."),
    "sandbox-402": ErrorFault(402, "Billing is refused."),
    "sandbox-403": ErrorFault(403, "The credential lacks permission."),
    "sandbox-404": ErrorFault(404, "The model does not exist."),
    "sandbox-429": ErrorFault(429, "Rate limited, with Retry-After: 1.", {"retry-after": "1"}),
    "sandbox-429-bare": ErrorFault(429, "Rate limited, without Retry-After."),
    "sandbox-429-long": ErrorFault(429, "Rate limited, with Retry-After: 120.", {"retry-after": "120"}),
    "sandbox-quota": ErrorFault(429, "The account's money is used up; waiting does not help.", code="quota"),
    "sandbox-deactivated": ErrorFault(401, "The account behind the credential is closed.", code="deactivated"),
    "sandbox-500": ErrorFault(500, "The vendor fails."),
    "sandbox-503": ErrorFault(503, "The vendor is unavailable."),
    "sandbox-529": ErrorFault(529, "The vendor is overloaded."),
    "sandbox-echo-secret": ErrorFault(400, "An error body that repeats the credential.", echo=True),
    "sandbox-echo-secret-401": ErrorFault(401, "A 401 whose body repeats the credential.", echo=True),
}

OTHERS: dict[str, str] = {
    "sandbox-slow": "200 ms before the head, 20 ms between events.",
    "sandbox-stall": "The head and some events (or half the body), then nothing until the peer leaves.",
    "sandbox-hang": "Never answers.",
    "sandbox-cut": "Reset (RST) after some events, or in the middle of the body.",
    "sandbox-cut-clean": "Ends properly without a terminal event, then FIN; a whole body ends half-way.",
    "sandbox-cut-fin": "FIN after some events, inside the chunked body, or in the middle of the body.",
    "sandbox-close": "Closes the connection before any byte.",
    "sandbox-garbage": "Answers bytes that are no HTTP.",
    "sandbox-html": "Answers 200 with an HTML page.",
    "sandbox-error-event": "A stream that fails with the dialect's error event after some good ones.",
    "sandbox-error-first": "A stream whose first event is the dialect's error event.",
    "sandbox-big": "An answer of one megabyte.",
    "sandbox-no-usage": "A good answer without any usage.",
    "sandbox-long": "10,000 text events as fast as they are read.",
    "sandbox-close-delimited": "A body without length or chunking, ended by closing the connection.",
    "sandbox-trailers": "A chunked body followed by trailer fields; the connection stays.",
    "sandbox-1xx": "103 Early Hints before the answer.",
}

SENTENCES: dict[str, str] = {name: fault.sentence for name, fault in ERRORS.items()} | OTHERS

NEEDS_LENGTH = frozenset(
    ("sandbox-stall", "sandbox-cut", "sandbox-cut-clean", "sandbox-cut-fin", "sandbox-error-event", "sandbox-slow")
)
"""Faults that need an answer long enough to be broken in the middle, whatever was asked."""


def choose(
    headers: Mapping[str, str], query: Mapping[str, str], model: str, credential: str, spoiled: Mapping[str, str]
) -> str:
    """The fault of one request, or "".

    First what was asked for by header or query, then the model's name, then the credential: one whose
    text ends in a fault's name (`sk-one-sandbox-429`) always has it, as has one spoiled at run time.
    """
    wishes = (headers.get("x-sandbox-fault"), query.get("sandbox_fault"), model, spoiled.get(credential))
    for wish in wishes:
        if wish in SENTENCES:
            return wish
    return next((name for name in _LONGEST_FIRST if credential.endswith(name)), "")


_LONGEST_FIRST = sorted(SENTENCES, key=len, reverse=True)
