"""How mail is sent from here. Owns: that value, how settings make it, and where the process takes it from.

Whoever starts a process says with `use` where the policy comes from; it is asked each time, since an admin may change texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stationmaster.asked import Asked
from stationmaster.errors import Conflict
from stationmaster.mail.relay import Relay
from stationmaster.mail.texts import TEXTS, MailLanguage, Text, Which
from stationmaster.settings import Settings


@dataclass(frozen=True)
class MailPolicy:
    """The rules. `relay` None: no mail is sent from here. `texts`: what stands in place of our own texts; empty: nothing."""

    relay: Relay | None = None
    language: MailLanguage = "en"
    texts: Mapping[Which, Text] = field(default_factory=dict)

    def text(self, which: Which, language: MailLanguage | None = None) -> Text:
        """What a mail of this kind says; `language`: in another one than the usual, where the text is our own."""
        ours, given = TEXTS[language or self.language][which], self.texts.get(which, Text("", ""))
        return Text(given.subject or ours.subject, given.text or ours.text)


policy = Asked(MailPolicy)
use = policy.use


def relay_of(now: MailPolicy) -> Relay:
    """Where mail goes. Raises `Conflict` when it goes nowhere: nothing is broken, nobody has said yet."""
    if now.relay is None or not now.relay.sender:
        hint = "set mail.host and mail.sender in stationmaster.toml"
        raise Conflict("error.mail.not_set", "no mail is sent from here: there is no relay", hint=hint)
    return now.relay


def policy_of(settings: Settings) -> MailPolicy:
    """How mail is sent, by these settings."""
    mail = settings.mail
    password = mail.password.get_secret_value()
    relay = Relay(mail.host, mail.port, mail.tls, mail.user, password, mail.sender) if mail.host else None
    texts: Mapping[Which, Text] = {
        "remind": Text(mail.remind_subject, mail.remind_text), "notify": Text(mail.notify_subject, mail.notify_text),
    }  # fmt: skip
    return MailPolicy(relay, mail.language, texts)
