"""Simulated issuers of short-lived secrets: Entra ID, Google, AWS STS, an OIDC provider, Anthropic's and OpenAI's federation.
Each keeps a ledger of what it was asked and what it gave."""

from stationmaster.sandbox.tokens.provider import Granted, Provider
from stationmaster.sandbox.tokens.world import Tokens

__all__ = ["Granted", "Provider", "Tokens"]
