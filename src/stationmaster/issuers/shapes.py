"""What each kind of source is told, in public: names, ids, addresses. Owns these tables and their defaults. Pure; nothing here is
secret.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from stationmaster.gateway.config.tables import Flag, Text

NEED: Final = {"need": True}
LOG_IN: Final = "login.microsoftonline.com"
AUTHORITIES: Final = (LOG_IN, "login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn")


def _word(pattern: str, said: str, *, needed: bool = False) -> Meta:
    return Meta(pattern=pattern, description=said, extra=NEED if needed else None)


def _one_of(*words: str) -> Meta:
    return _word(rf"^({'|'.join(words)})\Z", f"one of {', '.join(words)}")


_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}\Z"
_ID_SAID: Final = "an id of up to 200 letters, digits and . _ : @ / -"
_ROLE: Final = r"^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]{1,512}\Z"
_URL: Final = r"^https?://[\x21-\x7e]{1,2000}\Z"
IDENTITY: Final = r"^(file:[A-Za-z0-9][A-Za-z0-9._-]{0,127}|credential:[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127})\Z"
_IDENTITY_SAID: Final = (
    '"file:NAME" in the folder of the setting identity.folder, or "credential:NAME" for what another source refreshes'
)

AnyId = Annotated[str, _word(_ID, _ID_SAID)]
NeededId = Annotated[str, _word(_ID, _ID_SAID, needed=True)]
Address = Annotated[str, _word(_URL, 'an address like "https://login.example.com"')]
NeededAddress = Annotated[str, _word(_URL, 'an address like "https://login.example.com/token"', needed=True)]
Identity = Annotated[str, _word(IDENTITY, _IDENTITY_SAID)]
NeededIdentity = Annotated[str, _word(IDENTITY, _IDENTITY_SAID, needed=True)]


class Entra(msgspec.Struct, frozen=True):
    """Microsoft Entra ID, as azure-identity asks it."""

    mode: Annotated[
        str, _one_of("client_secret", "client_certificate", "workload_identity", "managed_identity")
    ] = "client_secret"
    tenant: AnyId = ""
    client_id: AnyId = ""
    scope: Text = "https://cognitiveservices.azure.com/.default"
    authority: Annotated[str, _one_of(*AUTHORITIES)] = LOG_IN
    identity: Identity = ""
    address: Address = ""


class Google(msgspec.Struct, frozen=True):
    """Google Cloud, as google-auth asks it. `audience`: of the workload identity pool's provider; `account`: the service account
    whose token is wanted."""

    mode: Annotated[str, _one_of("service_account", "workload_identity", "ambient")] = "service_account"
    audience: Text = ""
    subject_type: Annotated[str, _one_of("jwt", "id_token")] = "jwt"
    account: AnyId = ""
    scope: Text = "https://www.googleapis.com/auth/cloud-platform"
    identity: Identity = ""
    address: Address = ""


class Aws(msgspec.Struct, frozen=True):
    """A role at AWS, as botocore's STS client assumes it."""

    role_arn: Annotated[str, _word(_ROLE, "a role like arn:aws:iam::123456789012:role/name", needed=True)] = ""
    region: Annotated[str, _word(r"^[a-z]{2}(-[a-z]+)+-\d\Z", "a region like us-east-1", needed=True)] = ""
    mode: Annotated[str, _one_of("assume_role", "web_identity")] = "assume_role"
    session_name: Annotated[str, _word(r"^[\w+=,.@-]{2,64}\Z", "2 to 64 letters, digits and + = , . @ - _")] = "stationmaster"
    seconds: Annotated[int, Meta(ge=900, le=43_200, description="a whole number of seconds from 900 to 43200")] = 3600
    external_id: Annotated[str, _word(r"^[\w+=,.@:/-]{2,1224}\Z", "an external id")] = ""
    identity: Identity = ""
    address: Address = ""


class ClientCredentials(msgspec.Struct, frozen=True):
    """The client-credentials grant (RFC 6749 §4.4) at the company's own identity provider."""

    token_url: NeededAddress = ""
    client_id: NeededId = ""
    scope: Text = ""
    audience: Text = ""
    auth: Annotated[str, _one_of("client_secret_basic", "client_secret_post")] = "client_secret_basic"
    allow_insecure_http: Flag = False


class RefreshToken(msgspec.Struct, frozen=True):
    """The refresh-token grant (RFC 6749 §6) there. The client's secret may be left out for a public client."""

    token_url: NeededAddress = ""
    client_id: NeededId = ""
    scope: Text = ""
    auth: Annotated[str, _one_of("client_secret_basic", "client_secret_post", "none")] = "client_secret_basic"
    allow_insecure_http: Flag = False


class AnthropicFederation(msgspec.Struct, frozen=True):
    """Anthropic's workload identity federation: an identity token against a federation rule."""

    federation_rule_id: NeededId = ""
    organization_id: NeededId = ""
    service_account_id: AnyId = ""
    workspace_id: AnyId = ""
    identity: NeededIdentity = ""
    address: Address = ""


class OpenAIWorkload(msgspec.Struct, frozen=True):
    """OpenAI's workload identity: an identity token of a registered provider."""

    identity_provider_id: NeededId = ""
    service_account_id: NeededId = ""
    subject_type: Annotated[str, _one_of("jwt", "id")] = "jwt"
    identity: NeededIdentity = ""
    address: Address = ""
