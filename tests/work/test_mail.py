"""Mail over SMTP, to a real relay: what arrives, what does not, and that a text fills in names and does nothing else."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from controlkit import ADMIN, VIEWER
from stationmaster.errors import Conflict, Forbidden, Invalid
from stationmaster.mail import policy
from stationmaster.mail.message import compose, fill, is_address
from stationmaster.mail.relay import MailError, Relay, send
from stationmaster.mail.services import send_test, write_to
from stationmaster.mail.texts import PLACES, TEXTS, Text
from stationmaster.settings import Settings
from work.kit import SENDER, Mailbox

PASSWORD = "relay-password-Zq81LmWx"
NASTY = ("{{7*7}}", "{% debug %}", "%s", "%(name)s", "{0.__class__}", "${name.__class__}", "$unknown", "<%= 1 %>", "$$", "`id`")


@pytest.fixture
def authority() -> trustme.CA:
    """Whoever signs certificates."""
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    """A server's side of TLS."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts them."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def written(box: Mailbox, **more: object) -> None:
    """A test mail, by a relay that is reached so."""
    made = policy.MailPolicy(box.relay(**more))
    policy.use(lambda: made)
    write_to("ada@example.test", "test", {}, "test-1")


def test_a_mail_arrives(mailbox: Mailbox) -> None:
    """A mail arrives once, from the sender that is set, dated, marked as automatic, in UTF-8."""
    mailbox.use(language="zh-CN")
    write_to("ada@example.test", "remind", {"name": "王小明", "workspace": "acme", "vendor": "OpenAI"}, "remind.seat.1")
    (taken,) = mailbox.taken
    assert (taken.sender, taken.to) == (SENDER, "ada@example.test")
    assert taken.mail["From"] == f"Stationmaster <{SENDER}>"
    assert taken.mail["Message-ID"] == "<remind.seat.1@example.test>"
    assert taken.mail["Auto-Submitted"] == "auto-generated"
    assert taken.mail["Date"]
    assert taken.mail["Subject"] == "您收到的 acme 邀请"
    assert "王小明" in taken.text


def test_encrypted_and_logged_in(context: ssl.SSLContext, trusted: None) -> None:
    """By STARTTLS a mail goes encrypted, and so does the log-in; or all of it is, from the first byte."""
    with Mailbox(context, "relay", PASSWORD) as box:
        written(box, tls="starttls", user="relay", password=PASSWORD)
    (taken,) = box.taken
    assert (taken.user, taken.encrypted) == ("relay", True)
    with Mailbox(context, wrapped=True) as box:
        written(box, tls="tls")
        with pytest.raises(MailError):
            written(box, tls="none")
    assert len(box.taken) == 1


def test_a_relay_that_nobody_vouches_for_gets_nothing(context: ssl.SSLContext) -> None:
    """Without a certificate that is trusted nothing is sent, the password neither; and no error says it."""
    with Mailbox(context, "relay", PASSWORD) as box, pytest.raises(MailError) as caught:
        written(box, tls="starttls", user="relay", password=PASSWORD)
    assert caught.value.code == "error.mail.certificate"
    assert box.taken == []
    assert PASSWORD not in f"{caught.value!r} {caught.value.hint} {box.relay(password=PASSWORD)!r}"


def test_a_wrong_password_is_told_without_it(context: ssl.SSLContext, trusted: None) -> None:
    """A log-in that is refused is told, by number, and not again with what was sent."""
    with Mailbox(context, "relay", "another") as box, pytest.raises(MailError) as caught:
        written(box, tls="starttls", user="relay", password=PASSWORD)
    assert caught.value.code == "error.mail.login"
    assert PASSWORD not in str(caught.value)
    assert not caught.value.retryable


def test_no_password_without_encryption() -> None:
    """A password does not go out in clear to another machine."""
    relay = Relay("192.0.2.1", 25, "none", "relay", PASSWORD, SENDER)
    with pytest.raises(MailError) as caught:
        send(relay, compose(SENDER, "ada@example.test", "Hello", "Hello\n", at=datetime.now(UTC), message_id="m-1"))
    assert caught.value.code == "error.mail.unencrypted"


def test_refusals(mailbox: Mailbox) -> None:
    """A relay that refuses an address is told of, to be tried again where it says so; a relay that ends the connection after it
    took a mail may have taken it."""
    for answer, again in (("550 no such user", False), ("450 try later", True)):
        mailbox.refuse = answer
        with pytest.raises(MailError) as caught:
            write_to("ada@example.test", "test", {}, "test-1")
        assert (caught.value.code, caught.value.retryable) == ("error.mail.refused", again)
    mailbox.refuse = ""
    mailbox.drop = True
    with pytest.raises(MailError) as caught:
        write_to("ada@example.test", "test", {}, "test-1")
    assert caught.value.maybe_sent
    policy.use(policy.MailPolicy)
    with pytest.raises(Conflict) as unset:
        write_to("ada@example.test", "test", {}, "test-1")
    assert unset.value.code == "error.mail.not_set"


@pytest.mark.parametrize("nasty", NASTY)
def test_texts_are_no_code(mailbox: Mailbox, nasty: str) -> None:
    """What looks like a template stands in the mail as it was written, in a text and in a name; only known places are filled
    in, once."""
    texts = {"remind": Text(f"About $workspace {nasty}", f"Dear $name: {nasty}\n")}
    mailbox.use(texts=texts)
    write_to("ada@example.test", "remind", {"name": f"$workspace {nasty}", "workspace": "acme"}, "r-1")
    (taken,) = mailbox.taken
    assert taken.text == f"Dear $workspace {nasty}: {nasty}\n"
    assert taken.mail["Subject"] == f"About acme {nasty}"


@pytest.mark.parametrize("odd", ["a\r\nBcc: x@evil.test", "a\nX-Odd: 1", "a\x00b", "a\u2028b", "a\x85b"])
def test_no_value_becomes_a_header(mailbox: Mailbox, odd: str) -> None:
    """A name with a line end in it, in a subject, is one line; an address with one is refused."""
    mailbox.use(texts={"remind": Text("For $name", "Hello\n")})
    write_to("ada@example.test", "remind", {"name": odd}, "r-1")
    (taken,) = mailbox.taken
    assert set(taken.mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip
    assert "\n" not in str(taken.mail["Subject"])
    with pytest.raises(Invalid):
        write_to(f"ada@example.test{odd[1:]}", "remind", {}, "r-2")


def test_addresses() -> None:
    """One plain address is taken; several, names around it, and what a mail server could take for more are not."""
    good = ("ada@example.test", "a.b+c@x-y.example", "o'neil@example.test")
    bad = ("", "ada", "@example.test", "ada@", "a@b@c", "Ada <ada@example.test>", "a@example.test,b@example.test",
           "a b@example.test", '"a"@example.test', "ada@-x.test", "ada@example..test", ".a@example.test", "\u0430da@example.test",
           "a@example.test\n", f"{'a' * 250}@example.test")  # fmt: skip
    assert all(map(is_address, good))
    assert not any(map(is_address, bad))


@pytest.mark.parametrize(
    ("text", "filled"),
    [("$name, ${name}!", "Ada, Ada!"), ("$name您好", "Ada您好"), ("$names $Name $ $7 $$", "$names $Name $ $7 $$"),
     ("$since ${until", "$since ${until"), ("{name} ${name.real}", "{name} ${name.real}"), ("$workspace", "$name ${name}")],
)  # fmt: skip
def test_a_text_is_filled_in_and_nothing_else(text: str, filled: str) -> None:
    """Places that are given are filled in, once; other names, other signs and what is filled in stay as they are."""
    assert fill(text, {"name": "Ada", "workspace": "$name ${name}"}) == filled


def test_our_own_texts_name_known_places_only() -> None:
    """Every text of ours, in each language, is filled in to its end."""
    for texts in TEXTS.values():
        for text in texts.values():
            assert not any("$" in fill(part, dict.fromkeys(PLACES, "x")) for part in text)


def test_settings_make_the_policy() -> None:
    """Without a host no mail is sent; a password is masked wherever settings are shown."""
    assert policy.policy_of(Settings()).relay is None
    assert Settings().shown("mail.password") in ("", "not set", None) or "•" in str(Settings().shown("mail.password"))


def test_a_test_mail(database: str, mailbox: Mailbox) -> None:
    """Whoever may change settings can have a test mail sent; nobody else."""
    assert send_test(ADMIN, {"to": "ada@example.test"})["sent"] is True
    assert len(mailbox.taken) == 1
    with pytest.raises(Forbidden):
        send_test(VIEWER, {"to": "ada@example.test"})
    for bad in ({}, {"to": 7}, {"to": "a\r\nb@example.test"}, {"to": "ada@example.test", "x": 1}):
        with pytest.raises(Invalid):
            send_test(ADMIN, bad)
    assert len(mailbox.taken) == 1
