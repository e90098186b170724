"""Where what a cloud issues may be sent. Owns: the hosts at which clouds serve models, and that no other one gets their tokens
unless an admin allowed it.

A cloud's token is good for far more than models: whoever it is sent to could do in that cloud what it may.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from stationmaster.credentials.models import Credential
from stationmaster.errors import Invalid
from stationmaster.gateway.core.networks import address_of, is_allowed
from stationmaster.workspaces.addresses import entries

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# By kind of source. Clouds let anybody have names beside these (machines, functions, buckets), so that a domain is not enough.
# https://learn.microsoft.com/azure/ai-foundry/openai/reference, https://docs.cloud.google.com/vertex-ai/docs/reference/rest,
# https://docs.aws.amazon.com/general/latest/gr/bedrock.html (and interface endpoints, which are named after the service).
_OWN: Final = {
    "entra": re.compile(
        rf"{_LABEL}\.(?:(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)|api\.cognitive\.microsoft\.com)"
    ),
    "google": re.compile(rf"(?:{_LABEL}-)?aiplatform\.googleapis\.com|aiplatform\.{_LABEL}\.rep\.googleapis\.com"),
    "aws": re.compile(
        rf"(?:{_LABEL}\.)?bedrock-(?:runtime|mantle)(?:-fips)?\.{_LABEL}\.(?:(?:vpce\.)?amazonaws\.com(?:\.cn)?|api\.aws)"
    ),
}  # fmt: skip


def check(row: Credential, kind: str) -> None:
    """Raise `Invalid` when what a source of this kind gives would leave the cloud's own hosts for one that no admin allowed."""
    own = _OWN.get(kind)
    host = (urlsplit(row.base_url).hostname or "").lower().rstrip(".")
    if own is None or own.fullmatch(host) or is_allowed(host, address_of(host), entries()):
        return
    why = "a token of the cloud goes to the cloud's own hosts, or to one that an admin allowed"
    raise Invalid("error.source.elsewhere", f"base_url: {why}", fields={"base_url": why},
                  hint="an admin allows it: `stationmaster address allow HOST --reason WHY`")  # fmt: skip
