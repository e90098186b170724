"""Simulated administration of organisations: who is in, who is invited, projects, keys, seats, usage.

`Admin` holds the organisations, an `Organisation` what is true in one of them and how it misbehaves. One file a vendor speaks
its wire. Everything is in memory; time and chance come from outside.

Shapes are those of the vendors' own SDKs, which each file names; what is refused, and how, is by the vendors' pages:
https://platform.openai.com/docs/api-reference/administration, https://platform.claude.com/docs/en/manage-claude/admin-api and
/wif-admin-api beside it, https://docs.github.com/en/rest/orgs/members and /rest/copilot/copilot-user-management,
https://cursor.com/docs/account/teams/admin-api. What no page says is our own choice: how long invitations live but for
Anthropic's 21 days, which words a refusal has at OpenAI, how late lists are.
"""

from stationmaster.sandbox.admin.faults import Faults
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.state import Settings
from stationmaster.sandbox.admin.world import Admin
from stationmaster.sandbox.admin.writes import Write

__all__ = ["Admin", "Faults", "Organisation", "Settings", "Write"]
