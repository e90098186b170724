"""What a column can be. Owns: the fields that a file can give, and guessing one from a heading, in English and Chinese.

Pure: a heading in, a field out. A guess is shown before anything happens, and whoever imports may say otherwise.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from stationmaster.errors import Invalid
from stationmaster.folding import fold
from stationmaster.vendors.registry import VENDORS

IGNORED: Final = ""
LOGIN: Final = "login:"          # with a vendor's name behind it
TEXTS: Final = (
    "user_name", "display_name", "given_name", "family_name", "email", "department", "title", "manager", "employee_number",
    "external_id",
)
FIELDS: Final = ("id", *TEXTS, "further_emails", "active", "groups", "logins", *(LOGIN + vendor for vendor in VENDORS))
KEYS: Final = ("id", "user_name", "email")     # by one of which a row says whose it is

_HEADINGS: Mapping[str, str] = {
    "user_name": "username,login,loginname,account,accountname,samaccountname,userprincipalname,upn,uid,userid,账号,账户,"
                 "用户名,登录名,域账号",
    "display_name": "displayname,name,fullname,cn,realname,employeename,姓名,全名,显示名,显示名称,名称,中文名,员工姓名",
    "given_name": "givenname,firstname,forename,名,名字",
    "family_name": "familyname,lastname,surname,sn,姓,姓氏",
    "email": "email,mail,emailaddress,primaryemail,workemail,companyemail,e-mail-adresse,邮箱,电子邮箱,电子邮件,邮件,"
             "邮箱地址,工作邮箱,企业邮箱,公司邮箱",
    "further_emails": "furtheremails,otheremails,aliases,emailaliases,proxyaddresses,其他邮箱,邮箱别名",
    "department": "department,dept,team,orgunit,division,部门,所属部门,团队,组织",
    "title": "title,jobtitle,position,role,职位,岗位,职务,职称",
    "manager": "manager,supervisor,reportsto,manageremail,上级,直属上级,主管,经理,汇报对象",
    "employee_number": "employeenumber,employeeid,empid,staffid,personnelnumber,badge,工号,员工编号,员工号,职工号",
    "external_id": "externalid,objectid,directoryid,guid,外部id,外部编号",
    "active": "active,enabled,status,isactive,accountenabled,在职,状态,是否在职,员工状态,启用",
    "groups": "groups,group,memberof,groupnames,组,群组,用户组,分组,所属组",
    "logins": "logins",
    "id": "id,personid,stationmasterid",
    f"{LOGIN}github_copilot": "github,githublogin,githubusername,githubuser,githubid,github账号,github用户名",
}  # fmt: skip
_BY_HEADING: Mapping[str, str] = {
    "".join(mark for mark in fold(heading) if mark.isalnum()): field
    for field, headings in _HEADINGS.items() for heading in headings.split(",")
}


def guess(headings: Iterable[str]) -> dict[str, str]:
    """For each heading the field it seems to be, `IGNORED` for none. A field is given once: to the first that fits."""
    found: dict[str, str] = {}
    for heading in headings:
        field = _guessed(heading)
        found[heading] = field if field not in found.values() else IGNORED
    return found


def checked(mapping: Mapping[str, object], headings: Iterable[str]) -> dict[str, str]:
    """The guess, changed by what was said. Raises `Invalid` for a heading that there is not, a field that there is not or
    that is given twice, and when no column says whose a row is."""
    given = guess(headings)
    for heading, field in mapping.items():
        if heading not in given:
            raise _wrong(f"there is no column {heading[:80]!r}")
        if not isinstance(field, str) or (field != IGNORED and field not in FIELDS):
            raise _wrong(f"a column is one of {', '.join(FIELDS)}, or nothing")
        given = {each: IGNORED if given[each] == field and each not in mapping else given[each] for each in given}
        given[heading] = field
    named = [field for field in given.values() if field]
    for field in named:
        if named.count(field) > 1:
            raise _wrong(f"{field} is given by two columns")
    if not set(named) & set(KEYS):
        raise _wrong("no column is an e-mail address or a user name, so that nobody can be told from anybody")
    return given


def _guessed(heading: str) -> str:
    if fold(heading) in FIELDS:
        return fold(heading)
    return _BY_HEADING.get("".join(mark for mark in fold(heading) if mark.isalnum()), IGNORED)


def _wrong(why: str) -> Invalid:
    return Invalid("error.import.mapping", f"mapping: {why}", fields={"mapping": why})
