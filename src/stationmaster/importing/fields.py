"""What a field of an older setup's file is. Owns: the fields that come in, under which names they are known, and which names are
those of secrets.

Pure: names and values in, a field or a verdict out. What a secret is goes by its field's name and by how its value looks, since
rosters keep passwords and browser sessions under any name.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from stationmaster.errors import Invalid
from stationmaster.folding import fold
from stationmaster.gateway.config.shapes import UNKNOWN, Shape, shape_of

IGNORED: Final = ""
FIELDS: Final = (
    "id", "email", "type", "parent_id", "name", "team", "role", "seat_total", "note", "account_id", "team_account_id",
    "team_join_status", "invite_status", "invitation_status", "pool_status", "storage_status", "api_key",
)  # fmt: skip
MEMBERS: Final = frozenset({"members", "children", "users", "子号", "成员"})     # lists of a team's members
WRAPPERS: Final = frozenset({"accounts", "teams", "items", "data", "rows", "list", "母号"})     # of what a file is about
MAX_NAME: Final = 40                # characters of a field's name in a report
_NAMES: Mapping[str, str] = {
    "id": "id,uid,key,编号",
    "email": "email,mail,emailaddress,account,accountemail,login,username,邮箱,电子邮箱,账号",
    "type": "type,accounttype,kind,类型",
    "parent_id": "parentid,parent,motherid,mother,ownerid,母号,母号id",
    "name": "name,displayname,fullname,label,姓名,名称",
    "team": "team,teamname,workspace,workspacename,group,团队,空间,工作空间",
    "role": "role,seattype,角色",
    "seat_total": "seattotal,seats,seatlimit,seatcount,totalseats,maxseats,座位,座位数,总座位",
    "note": "note,notes,remark,comment,备注",
    "account_id": "accountid,organisation,organization,orgid,organizationid,organisationid",
    "team_account_id": "teamaccountid,teamid,workspaceid",
    "team_join_status": "teamjoinstatus,joinstatus,加入状态",
    "invite_status": "invitestatus,邀请状态",
    "invitation_status": "invitationstatus,status,state,状态",
    "pool_status": "poolstatus,入池,入池状态",
    "storage_status": "storagestatus,入库,入库状态",
    "api_key": "apikey,openaiapikey,anthropicapikey,openaikey,anthropickey",
}  # fmt: skip
_BY_NAME: Final = {known: field for field, names in _NAMES.items() for known in names.split(",")}
# Whatever has one of these in its name is somebody's way in, to a mailbox or a web site.
_SECRETIVE: Final = re.compile(
    r"pass(?!ed|ive|age|port)|pwd|secret|token|cookie|session|mailbox|credential|authori[sz]ation|bearer|jwt|oauth|totp|2fa|otp"
    r"|recovery|seed|imap|smtp|private|密码|口令|密钥|令牌|验证码", re.IGNORECASE,
)  # fmt: skip
# What a free text has around a secret of no known looks: a password after its name, in an address, or in an address of codes.
_TELLING: Final = re.compile(
    rf"(?:{_SECRETIVE.pattern}|\bpw|\bpin)[\w-]{{0,20}}[\"'”]?\s?(?:\([^)\n]{{0,30}}\))?\s{{0,3}}(?:[:=]|\bis\b|是)"
    r"|otpauth(?:-migration)?://|://[^\s/@:]{0,200}:[^\s/@]{1,200}@", re.IGNORECASE,
)  # fmt: skip
_APART: Final = re.compile(r"[\s,;:=|\"'`()<>{}\[\]【】、“”]+")
_SEVERAL: Final = re.compile(r"[\s,;\"']")      # in a text of more than one word, which no key is
_NO_TEXT: Final = re.compile(r"[\0\ud800-\udfff]")
_PARTS: Final = re.compile(r"[. \[\]/]+")
_PLAIN: Final = re.compile(r"[\w .\[\]@/-]{1,40}")
_SHORTEST: Final = 12               # characters of a secret that is told by its looks
_LOOKED_AT: Final = 1 << 14         # characters of a value: no longer one comes in, and no key is longer

What = Literal["secret", "admin", "key", ""]


def field_of(name: str, mapping: Mapping[str, str]) -> str:
    """The field that a heading or key is: as `mapping` says, else as its name seems; `IGNORED` for none."""
    return mapping[name] if name in mapping else _BY_NAME.get(_bare(name), IGNORED)


def guess(headings: Iterable[str]) -> dict[str, str]:
    """For each heading its field, a field once; those of secrets are nothing whatever they are called."""
    found: dict[str, str] = {}
    for heading in headings:
        field = IGNORED if secretive(heading) else field_of(heading, {})
        found[heading] = field if field not in found.values() else IGNORED
    return found


def checked(mapping: Mapping[str, Any]) -> dict[str, str]:
    """A mapping of headings to fields as somebody gave it; objects of one file may call a field differently. Raises `Invalid`
    for a field that there is not."""
    for heading, field in mapping.items():
        if not isinstance(heading, str) or not isinstance(field, str) or (field and field not in FIELDS):
            raise _wrong(f"a field is one of {', '.join(FIELDS)}, or empty")
        if _NO_TEXT.search(heading):
            raise _wrong("a heading is a text")
    return {str(heading): str(field) for heading, field in mapping.items()}


def what_of(name: str, value: str) -> tuple[What, Shape]:
    """Whether a value is a secret, and of which sort: `secret` is for no API, `admin` for an organisation's administration,
    `key` for calling models. By the value's looks first: a password field may hold an API key, and a note a session. Something
    else beside a key makes it a `secret`: it is not to be kept, and no key as it stands."""
    what, known = looks_of(value)
    if what or not (secretive(name) or _TELLING.search(_plain(value))):
        return what, known
    return "secret", known


def looks_of(value: str) -> tuple[What, Shape]:
    """The same by what the value looks like alone, or a piece of it, whatever stands around that."""
    text = _plain(value)
    if len(text) < _SHORTEST:
        return "", UNKNOWN
    whole = shape_of(text)
    pieces = [piece for piece in dict.fromkeys(_APART.split(text)) if len(piece) >= _SHORTEST]
    shapes = [whole, *map(shape_of, pieces)]
    for use in ("consumer", "admin"):
        if (found := next((each for each in shapes if each.use == use), None)) is not None:
            return ("admin" if use == "admin" else "secret"), found
    if whole != UNKNOWN and whole.kind != "access_token" and not _SEVERAL.search(text):
        return "key", whole
    found = next((each for each in shapes if each != UNKNOWN), UNKNOWN)
    return ("" if found == UNKNOWN else "secret"), found


def _plain(value: str) -> str:
    """Signs in one spelling, of which East Asian texts have two."""
    return unicodedata.normalize("NFKC", value.strip()[:_LOOKED_AT])


def secretive(name: str) -> bool:
    """Whether a name is that of a secret."""
    return bool(_SECRETIVE.search(name)) and _bare(name) not in _BY_NAME


def told(name: str) -> str:
    """A field's name as a report may have it: names come from the file too, and may be anything."""
    plain = name if _PLAIN.fullmatch(name) else "(odd name)"
    return plain if all(shape_of(part) == UNKNOWN for part in _PARTS.split(plain)) and "@" not in plain else "(odd name)"


def _bare(name: str) -> str:
    return "".join(mark for mark in fold(name) if mark.isalnum())


def _wrong(why: str) -> Invalid:
    return Invalid("error.import.form", f"mapping: {why}", fields={"mapping": why})
