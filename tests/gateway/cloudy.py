"""A gateway in front of simulated clouds: their credentials, and clients for them."""

import json
from typing import Any

import msgspec

import rig
from stationmaster.gateway.core.prices import Clause, ModelPrice, Rates, rate
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, VirtualKey
from stationmaster.sandbox.signatures import secret_of, token_of

REGION = "eu-central-1"
PLACE = "/projects/acme-ai/locations/europe-west1"
KEY = rig.KEY
CLAUDE = "anthropic.claude-x-v1:0"  # on Bedrock
LLAMA = "meta.llama9-x-v1:0"
PROFILE = f"arn:aws:bedrock:{REGION}:123456789012:application-inference-profile/claude-abc"
OF_VERTEX = "claude-x@20260101"
SECRETS = {
    "bedrock": secret_of("AKIASANDBOX"),
    "bedrock-token": token_of("ASIASANDBOX"),
    "bedrock-key": f"ABSK{rig.SECRET}-bedrock",
    "vertex": f"ya29.c.{rig.SECRET}-vertex",
}


def identity(access_key_id: str = "AKIASANDBOX", **more: str) -> str:
    """The secret of a Bedrock credential that signs."""
    keys = {"access_key_id": access_key_id, "secret_access_key": secret_of(access_key_id), "region": REGION}
    return json.dumps({**keys, **more})


def bedrock(url: str, name: str = "bedrock", secret: str = "", **more: Any) -> Credential:
    """A Bedrock credential; without a secret one that signs."""
    return Credential(name, "bedrock", secret or identity(), url, **more)


def vertex(url: str, name: str = "vertex", secret: str = SECRETS["vertex"]) -> Credential:
    """A Vertex credential."""
    return Credential(name, "vertex", secret, f"{url}/v1{PLACE}")


def snapshot(*credentials: Credential, key: VirtualKey | None = None, **settings: Any) -> Snapshot:
    """All credentials of a vendor in one pool, in their order; models of every cloud are routed to theirs. `fast` stands
    for another model."""
    vendors = list(dict.fromkeys(credential.vendor for credential in credentials))
    pools = tuple(
        Pool(vendor, tuple(Member(one.id, priority=at) for at, one in enumerate(credentials) if one.vendor == vendor))
        for vendor in vendors
    )
    wanted = (
        Route(("*anthropic.*", "meta.*", "arn:*", "sandbox-*"), "bedrock", {"fast": CLAUDE}),
        Route(("claude*", "gemini*", "mistral*"), "vertex", {"quick": "claude-y@20260101"}),
        Route(("*",), "azure_openai"),
    )
    given = {"health_check_enabled": False, "default_pool": vendors[0], **settings}
    keys = (key or VirtualKey("rig", rig.sha256(KEY), "the rig", "rig"),)
    return Snapshot(Settings(**given), credentials, pools, tuple(each for each in wanted if each.pool in vendors), keys)


def priced(credential: Credential) -> Credential:
    """The same, with a price of 1 and 2 dollars a million tokens for every model."""
    return msgspec.structs.replace(credential, prices=(ModelPrice(Clause("pattern", "*"), Rates(rate(10**9, 2 * 10**9))),))


def said(text: str = "say OK", **more: Any) -> dict[str, Any]:
    """A Converse request."""
    return {"messages": [{"role": "user", "content": [{"text": text}]}], **more}


def messages(text: str = "say OK", **more: Any) -> dict[str, Any]:
    """The body of an Anthropic model on Bedrock."""
    asked = [{"role": "user", "content": text}]
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": asked, **more}
