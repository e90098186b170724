"""What this server says of itself: schemas, resource types, what is supported (RFC 7643 sections 5 to 7). Owns: which
attributes are announced, and what is borne with in what clients send.

The schemas are RFC 7643's, less the attributes that are not kept (`people.scim.shape`), and without a member's `display`,
which section 8.7.1 does not have either.
"""

from functools import cache
from typing import Any, Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Patch,
    Schema,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.utils import load_default_resource_types, load_default_schemas

from stationmaster.entrances.scim.limits import MAX_RESULTS
from stationmaster.folding import fold
from stationmaster.people.scim.shape import ATTRIBUTES, GROUP, USER


def comparison_key(binding: Any, value: str) -> str:
    """Texts are compared as people are known everywhere here: folded, but for attributes of exact case."""
    return value if binding.case_exact else fold(value)


POLICY: Final = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,                                   # directories send all they have
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,                 # Entra ID
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,         # Entra ID
    comparison_key=comparison_key,
)


@cache
def provider() -> ScimProvider:
    """The description, made once."""
    schemas = [_kept(schema) for schema in load_default_schemas().values()]
    return ScimProvider.from_discovery(schemas, load_default_resource_types().values(), config=_config(), policy=POLICY)


def _kept(schema: Schema) -> Schema:
    attributes = schema.attributes or []
    if schema.id == USER:
        schema.attributes = [each for each in attributes if each.name in ATTRIBUTES]
    elif schema.id == GROUP:
        for each in attributes:
            each.sub_attributes = [part for part in each.sub_attributes or [] if part.name != "display"] or None
    return schema


def _config() -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        authentication_schemes=[AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken, name="SCIM token", primary=True,
            description="A token made by `stationmaster scim token create`, as Authorization: Bearer (RFC 6750).",
        )],
    )  # fmt: skip
