"""What mails say when nobody set another text. Owns those texts, in each language.

Places: `$name` of the person, `$workspace`, `$vendor`, `$since` and `$until` as dates, `$address` that it goes to;
of an alert `$alert`, its name, `$what` happened, and a `$link` to it.
"""

# ruff: noqa: RUF001  Chinese has punctuation of its own

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Which = Literal["remind", "notify", "alert", "test"]
MailLanguage = Literal["en", "zh-CN"]
NONE: Final = "\u2013"      # where there is nothing to fill in
PLACES: Final = ("name", "workspace", "vendor", "since", "until", "address", "alert", "what", "link")


class Text(NamedTuple):
    """A subject, and what is below it."""

    subject: str
    text: str


TEXTS: Final[Mapping[MailLanguage, Mapping[Which, Text]]] = {
    "en": {
        "remind": Text(
            "Your invitation to $workspace",
            "Hello $name,\n\nyou were invited to $workspace ($vendor) on $since and have not accepted yet.\n"
            "Please look for the invitation that $vendor sent to $address and accept it; it ends on $until.\n\n"
            "If you do not need it, tell your administrators.\n",
        ),
        "notify": Text(
            "Your seat in $workspace",
            "Hello $name,\n\n$vendor has reported no activity of yours in $workspace for a while. Your seat there will be given\n"
            "to somebody else after $until.\n\nIf you need it, use it before then, or tell your administrators.\n",
        ),
        "alert": Text(
            "Stationmaster: $what",
            "$what\n\n$link\n\nYou are told of it by the alert $alert. Who runs Stationmaster changes or removes it there.\n",
        ),
        "test": Text(
            "A test from Stationmaster",
            "This mail shows that Stationmaster can send mail to $address. Nothing needs to be done.\n",
        ),
    },
    "zh-CN": {
        "remind": Text(
            "您收到的 $workspace 邀请",
            "$name，您好：\n\n您于 $since 受邀加入 $workspace（$vendor），但尚未接受邀请。\n"
            "请查找 $vendor 发送到 $address 的邀请邮件并接受；邀请有效期至 $until。\n\n如果您不需要，请告知管理员。\n",
        ),
        "notify": Text(
            "您在 $workspace 的席位",
            "$name，您好：\n\n$vendor 已有一段时间没有报告您在 $workspace 的活动。\n"
            "$until 之后，您的席位将分配给他人。\n\n如果您仍需要它，请在此之前使用，或告知管理员。\n",
        ),
        "alert": Text(
            "Stationmaster：$what",
            "$what\n\n$link\n\n此邮件由告警 $alert 发出。Stationmaster 的管理者可在其中更改或移除该告警。\n",
        ),
        "test": Text(
            "Stationmaster 测试邮件",
            "这封邮件说明 Stationmaster 可以向 $address 发送邮件，无需任何操作。\n",
        ),
    },
}
