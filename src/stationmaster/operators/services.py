"""What entrances may ask about operators, tokens and the way in."""

from stationmaster.operators.access import (
    ACTIONS,
    ROLES,
    SENSITIVE,
    allowed,
    grants,
    only_own,
    owns,
    require,
    require_fresh,
    rights,
    sees_own_only,
)
from stationmaster.operators.account import (
    end_session,
    forget_expired,
    my_sessions,
    myself,
    put_steps_away,
    set_language,
    set_password,
    steps_put_away,
)
from stationmaster.operators.gateways import (
    GATEWAY_TOKENS,
    create_gateway_token,
    delete_gateway_token,
    export_gateway_tokens,
    gateway_actor,
    get_gateway_token,
    list_gateway_tokens,
    rotate_gateway_token,
    warn_of_expiry,
)
from stationmaster.operators.links import (
    Invitation,
    Link,
    Newcomer,
    any_admin,
    invite,
    is_open,
    issue_link,
    link_over,
    opened,
    redeem,
)
from stationmaster.operators.logins import operator_of
from stationmaster.operators.people import (
    OPERATORS,
    create_operator,
    delete_operator,
    erase_operator,
    export_operators,
    get_operator,
    list_operators,
    sign_out_everywhere,
    update_operator,
)
from stationmaster.operators.policy import LoginPolicy, Sso, console_url, policy, policy_of, use
from stationmaster.operators.scim_tokens import create_scim_token, scim_actor
from stationmaster.operators.tokens import (
    TOKENS,
    actor_of,
    create_token,
    delete_token,
    export_tokens,
    get_token,
    list_tokens,
    unauthenticated,
)

__all__ = [
    "ACTIONS", "GATEWAY_TOKENS", "OPERATORS", "ROLES", "SENSITIVE", "TOKENS", "Invitation", "Link", "LoginPolicy",
    "Newcomer", "Sso", "actor_of", "allowed", "any_admin", "console_url", "create_gateway_token", "create_operator",
    "create_scim_token", "create_token", "delete_gateway_token", "delete_operator", "delete_token", "end_session",
    "erase_operator", "export_gateway_tokens", "export_operators", "export_tokens", "forget_expired", "gateway_actor",
    "get_gateway_token", "get_operator", "get_token", "grants", "invite", "is_open", "issue_link", "link_over",
    "list_gateway_tokens", "list_operators", "list_tokens", "my_sessions", "myself", "only_own", "opened",
    "operator_of", "owns", "policy", "policy_of", "put_steps_away", "redeem", "require", "require_fresh", "rights",
    "rotate_gateway_token", "scim_actor", "sees_own_only", "set_language", "set_password",
    "sign_out_everywhere", "steps_put_away", "unauthenticated", "update_operator", "use", "warn_of_expiry",
]  # fmt: skip
