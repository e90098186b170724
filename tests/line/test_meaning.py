"""What an error answer means, by code, phrase, status and headers; and which words may be repeated."""

import base64
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.line.errors import (
    AlreadyExists,
    DirectoryManaged,
    NotFound,
    RateLimited,
    Rejected,
    RemoteError,
    StopRun,
    Transient,
)
from stationmaster.line.meaning import LONGEST_WAIT, Complaint, Meaning, Said, read_usual, retry_after
from stationmaster.line.words import LEFT_OUT, LONGEST, Redaction

NOW = 1_790_000_000.0


class TestMeaning:
    """From a complaint to an error."""

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(301, StopRun), (304, StopRun), (400, Rejected), (401, StopRun), (402, StopRun), (403, StopRun), (404, NotFound),
         (405, Rejected), (408, Transient), (409, Transient), (410, NotFound), (422, Rejected), (425, Transient),
         (429, RateLimited), (500, Transient), (501, Transient), (503, Transient), (529, Transient), (599, Transient)],
    )  # fmt: skip
    def test_by_status_alone(self, status: int, kind: type[RemoteError]) -> None:
        """HTTP's meaning, where a vendor says nothing else."""
        assert type(Meaning().of(Complaint(status))) is kind

    @given(status=st.integers(300, 599), unsafe=st.booleans(), code=st.text(max_size=5), words=st.text(max_size=20))
    def test_every_answer_means_something(self, status: int, unsafe: bool, code: str, words: str) -> None:
        """No status, code or word is without a meaning, and only a write can have been done."""
        error = Meaning().of(Complaint(status, Said((code,) if code else (), words), unsafe=unsafe))
        assert isinstance(error, RemoteError)
        assert error.message
        assert error.answered == status
        assert not getattr(error, "maybe_done", False) or unsafe

    def test_the_code_comes_before_the_words_and_those_before_the_status(self) -> None:
        """A code decides, though words and status say otherwise; the first code known wins."""
        meaning = Meaning(
            codes={"there": AlreadyExists, "later": Transient}, phrases=((re.compile("directory"), DirectoryManaged),),
            statuses={409: AlreadyExists, 400: Rejected},
        )  # fmt: skip
        assert type(meaning.of(Complaint(500, Said(("odd", "there", "later"), "the directory")))) is AlreadyExists
        assert type(meaning.of(Complaint(400, Said(("odd",), "the directory")))) is DirectoryManaged
        assert type(meaning.of(Complaint(500, Said((), "the directory")))) is Transient
        assert type(meaning.of(Complaint(409))) is AlreadyExists

    def test_too_much_may_come_as_403(self) -> None:
        """GitHub says 403 when a budget is spent, and tells it in headers."""
        assert type(Meaning().of(Complaint(403, limited=True))) is RateLimited
        assert type(Meaning().of(Complaint(401, limited=True))) is StopRun

    @pytest.mark.parametrize(
        ("body", "codes", "words"),
        [({"error": {"message": "m", "type": "t", "code": "c", "param": None}}, ("c", "t"), "m"),
         ({"type": "error", "error": {"type": "t", "message": "m", "details": {"error_code": "e"}}}, ("e", "t"), "m"),
         ({"error": {"code": 400, "status": "S", "message": "m", "details": [{}]}}, ("S",), "m"),
         ({"message": "m", "errors": [{"code": "c", "message": "n"}, "odd"]}, ("c",), "m; n"),
         ({"error": "m"}, (), "m"), ({"code": "c", "message": "m"}, ("c",), "m"), ({"__type": "T", "message": "m"}, ("T",), "m"),
         ([], (), ""), (None, (), ""), ("text", (), ""), ({"error": None, "errors": "odd"}, (), ""), (7, (), "")],
    )  # fmt: skip
    def test_the_usual_shapes(self, body: object, codes: tuple[str, ...], words: str) -> None:
        """OpenAI's, Anthropic's, Google's, GitHub's, Cursor's, AWS's; and anything else without an error."""
        assert read_usual(body) == Said(codes, words)


class TestDone:
    """A 200 that is a failure."""

    MEANING = Meaning(codes={"denied": StopRun}, phrases=((re.compile("no token"), StopRun),), done=lambda body: bool(body))

    @pytest.mark.parametrize(
        ("said", "kind"),
        [(Said(("denied",), ""), StopRun), (Said((), "no token"), StopRun), (Said((), "no room"), Rejected),
         (Said(("odd",), ""), Rejected), (Said(), Transient)],
    )  # fmt: skip
    def test_codes_and_phrases_come_first(self, said: Said, kind: type[RemoteError]) -> None:
        """What has a word is a refusal of the one thing, unless the word says more; without one nobody knows what happened."""
        error = self.MEANING.of(Complaint(200, said, unsafe=True, party="target"))
        assert type(error) is kind
        assert (error.answered, error.code.startswith("error.target.")) == (200, True)
        assert getattr(error, "maybe_done", False) is (kind is Transient)

    @pytest.mark.parametrize("kind", [NotFound, Rejected, StopRun, Transient, RateLimited, AlreadyExists, DirectoryManaged])
    def test_codes_say_whom_they_are_about(self, kind: type[RemoteError]) -> None:
        """A vendor unless told otherwise, and a code of one's own stays."""
        assert kind("x").code == f"error.vendor.{kind.WORD}"
        assert kind("x").about("target").code == f"error.target.{kind.WORD}"
        assert (kind("x").about("vendor").fault, kind("x").about("vendor").status) == ("vendor", 502)
        assert (kind("x").about("target").fault, kind("x").about("target").status) == ("target", 502)
        assert StopRun("x", code="error.outbound.private").about("target").code == "error.outbound.private"


class TestRetryAfter:
    """How long a vendor asks us to wait."""

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [({"retry-after": "7"}, 7.0), ({"retry-after": " 1.5 "}, 1.5), ({"retry-after": "0"}, 0.0), ({}, 0.0),
         ({"retry-after": "-5"}, 0.0), ({"retry-after": "soon"}, 0.0), ({"retry-after": "9" * 12}, LONGEST_WAIT),
         ({"retry-after": "9" * 400}, 0.0), ({"retry-after": "nan"}, 0.0), ({"retry-after": "\u0667"}, 0.0),
         ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 60)}, 60.0),
         ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": str(int(NOW) + 60)}, 0.0),
         ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) - 60)}, 0.0)],
    )  # fmt: skip
    def test_seconds(self, headers: dict[str, str], seconds: float) -> None:
        """Numbers are believed within a day; everything else was not said."""
        assert retry_after(headers, NOW) == seconds

    def test_a_date(self) -> None:
        """HTTP dates are the other form; one in the past asks for nothing."""
        moment = datetime.fromtimestamp(NOW, UTC)
        assert retry_after({"retry-after": format_datetime(moment + timedelta(seconds=90), usegmt=True)}, NOW) == 90.0
        assert retry_after({"retry-after": format_datetime(moment - timedelta(seconds=90), usegmt=True)}, NOW) == 0.0


class TestRedaction:
    """Words that hold a secret are left out whole."""

    SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=60)

    @given(secret=SECRETS, before=st.text(max_size=30), after=st.text(max_size=30))
    def test_raw_and_encoded(self, secret: str, before: str, after: str) -> None:
        """Any secret, anywhere in any words, raw or in base64 together with what stands around it."""
        say = Redaction((secret,))
        assert say(before + secret + after) == LEFT_OUT
        wrapped = (before + secret + after).encode()
        assert say(base64.b64encode(wrapped).decode()) == LEFT_OUT
        assert say(base64.urlsafe_b64encode(wrapped).decode()) == LEFT_OUT
        assert say(before + secret.encode().hex().upper() + after) == LEFT_OUT

    @given(text=st.text(max_size=600))
    def test_other_words_stay_one_short_line(self, text: str) -> None:
        """Nothing is left out without a reason; what stays has no line breaks, control characters or bidi overrides."""
        said = Redaction(("a-secret-that-is-not-there",))(text)
        assert said != LEFT_OUT
        assert len(said) <= LONGEST
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]", said)

    def test_what_is_learnt_later_is_hidden_too(self) -> None:
        """A session's token, or what is published."""
        say = Redaction(("the-first-secret",))
        assert say("a token-of-a-session here") != LEFT_OUT
        say.hide(("token-of-a-session",))
        assert (say("a token-of-a-session here"), say("the-first-secret")) == (LEFT_OUT, LEFT_OUT)

    def test_nothing_to_hide_hides_nothing(self) -> None:
        """An empty credential is in no word, and a very short one would be in all."""
        assert Redaction(("", "abc"))("abc is fine") == "abc is fine"
