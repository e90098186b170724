"""The one request path: what leaves, when it is tried again, and what every kind of answer and silence becomes."""

import base64
import json
import logging
import socket
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from line.scripted import SECRET, Peer, Script, Watch, answer, drip, half, nothing, scripted
from stationmaster import outbound
from stationmaster.errors import Invalid
from stationmaster.line.clients import client2, transport1
from stationmaster.line.errors import DryRunRefused, NotFound, RateLimited, Rejected, RemoteError, StopRun, Transient
from stationmaster.line.line import PAUSES, Line, bearer
from stationmaster.line.meaning import Meaning
from stationmaster.vendors._base import Access

LOOPBACK = frozenset({"127.0.0.1"})


def line_to(url: str, *, sleep: Callable[[float], None] = lambda _: None, **access: Any) -> Line:
    """A line whose vendor is `url`."""
    opened = Access("openai", base_url=url, **{"secret": SECRET, "allowed": LOOPBACK, "timeout": 20.0, **access})
    return Line(opened, base_url="https://api.invalid", authorise=bearer(SECRET), sleep=sleep)


def refusal(*script: Script, method: str = "GET", **access: Any) -> tuple[RemoteError, Peer]:
    """What one call raises."""
    with scripted(*script) as peer, pytest.raises(RemoteError) as caught:
        line_to(peer.url, **access).ask(method, "/things", body={"a": 1} if method == "POST" else None)
    return caught.value, peer


class TestWhatLeaves:
    """The request on the wire."""

    def test_the_credential_is_put_on_and_the_rest_is_plain(self) -> None:
        """A call carries the credential, asks for plain JSON, and says who asks; the answer comes back as JSON."""
        with scripted(answer({"ok": True})) as peer:
            assert line_to(peer.url + "/base").ask("POST", "/things", params={"a": ["1", "2"]}, body={"x": "é"}) == {"ok": True}
        assert peer.heads() == ["POST /base/things?a=1&a=2 HTTP/1.1"]
        assert peer.header("authorization") == f"Bearer {SECRET}"
        assert peer.header("accept-encoding") == "identity"
        assert peer.header("user-agent").startswith("stationmaster/")
        assert json.loads(peer.requests[0][1]) == {"x": "é"}

    def test_another_address_than_the_workspaces_gets_nothing(self) -> None:
        """An SDK that was led to another host, port or scheme sends nothing: the credential goes to one address only."""
        with scripted(answer({})) as peer, scripted(answer({})) as other:
            client = client2(line_to(peer.url))
            for url in (other.url, peer.url.replace("127.0.0.1", "localhost"), peer.url.replace("http", "https")):
                with pytest.raises(Rejected):
                    client.get(url + "/v1")
        assert not other.requests
        assert not peer.requests

    def test_environment_and_files_change_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        """Proxies and .netrc of the environment are not looked at."""
        netrc = tmp_path / "netrc"
        netrc.write_text("default login intruder password intruder\n")
        with scripted(answer({})) as peer, scripted(answer({"proxied": True})) as proxy:
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv("NETRC", str(netrc))
            line = line_to(peer.url)
            client2(line).get(peer.url + "/two")
            with httpx.Client(transport=transport1(line), trust_env=False) as client:
                client.get(peer.url + "/one")
        assert not proxy.requests
        assert [peer.header("authorization", at) for at in (0, 1)] == [f"Bearer {SECRET}"] * 2

    def test_only_headers_that_were_let_through_leave(self) -> None:
        """Of what an SDK sends, method, address, body and the headers that the adapter named are all."""
        with scripted(answer({})) as peer:
            access = Access("openai", secret=SECRET, base_url=peer.url, allowed=LOOPBACK)
            line = Line(access, base_url="", authorise=bearer(SECRET), passed=frozenset({"x-version"}))
            sent = {"X-Version": "7", "X-Other": "no", "Cookie": "no", "Authorization": "Bearer no", "Accept": "no/no"}
            client2(line).get(peer.url + "/v1", headers=sent)
        names = {row.partition(":")[0].lower() for row in peer.requests[0][0].split("\r\n")[1:]}
        assert names == {"host", "accept", "x-version", "user-agent", "accept-encoding", "authorization"}
        assert [peer.header(name) for name in ("authorization", "accept")] == [f"Bearer {SECRET}", "application/json"]

    @pytest.mark.parametrize(
        ("url", "allowed"),
        [("http://127.0.0.1:1", frozenset()), ("https://10.0.0.1", frozenset()), ("http://example.com", LOOPBACK),
         ("https://169.254.169.254", LOOPBACK), ("ftp://example.com", LOOPBACK), ("https://u:p@example.com", LOOPBACK)],
    )  # fmt: skip
    def test_an_address_that_may_not_be_reached_is_refused_at_once(self, url: str, allowed: frozenset[str]) -> None:
        """A stored address is judged before anything is opened."""
        with pytest.raises(Invalid) as caught:
            line_to(url, allowed=allowed)
        assert caught.value.code == "error.vendor.bad_address"

    @pytest.mark.parametrize("secret", ["", "with space", "line\nbreak", "é"])
    def test_a_secret_that_is_none_is_refused_without_saying_it(self, secret: str) -> None:
        """A credential with odd characters is refused before it is sent, and not repeated."""
        with pytest.raises(Invalid) as caught:
            bearer(secret)
        assert not secret or secret not in str(caught.value) + repr(caught.value.fields)

    def test_a_name_that_leads_inside_is_not_reached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a name resolves to is judged when it is connected to: a public name on a private address gets nothing."""
        private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 443))]
        monkeypatch.setattr(outbound.resolve_and_check, "__kwdefaults__", {"resolve": lambda *_, **__: private})
        watch = Watch()
        with pytest.raises(StopRun) as caught:
            line_to("https://api.example.com", allowed=frozenset(), **watch.hooks()).ask("GET", "/")
        assert caught.value.code == "error.outbound.private"
        assert watch.told == ["GET /: the host name leads to a private address"]


class TestHooks:
    """Pace, word before a write, one telling a call."""

    def test_each_is_called_once_a_call_and_in_order(self) -> None:
        """A read paces; a write paces and then asks; both are told with what they were answered, without the query."""
        watch = Watch()
        with scripted(answer({}), answer({}, 201), answer({}, 404)) as peer:
            line = line_to(peer.url + "/v1", **watch.hooks())
            line.ask("GET", "/people", params={"email": "member-001@example.test"})
            line.ask("POST", "/people", body={})
            with pytest.raises(NotFound):
                line.ask("DELETE", "/people/7")
        assert watch.events == ["pace", "pace", "POST /people", "pace", "DELETE /people/7"]
        assert watch.told == ["GET /people 200", "POST /people 201", "DELETE /people/7 404"]

    def test_what_raises_before_a_write_keeps_it_here(self) -> None:
        """Whoever says no before a write is obeyed, and hears their own error again, whatever an SDK made of it."""

        class Fenced(Exception):
            """Somebody else holds the job."""

        def no(_: str) -> None:
            raise Fenced

        with scripted(answer({})) as peer:
            line = line_to(peer.url, before_write=no)
            with pytest.raises(Fenced), line.mapped():
                client2(line).post(peer.url + "/things")
            with pytest.raises(Fenced):
                line.ask("DELETE", "/things/1")
        assert not peer.requests

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY", "post"])
    def test_a_dry_run_sends_nothing_but_reads(self, method: str) -> None:
        """No method that could change anything leaves in a dry run, and nobody is asked about it."""
        watch = Watch()
        with scripted(answer({})) as peer:
            line = line_to(peer.url, dry_run=True, **watch.hooks())
            with pytest.raises(DryRunRefused) as caught, line.mapped():
                client2(line).request(method, peer.url + "/things/1?x=1")
            line.ask("GET", "/things")
        assert (caught.value.method, caught.value.path) == (method.upper(), "/things/1")
        assert peer.heads() == ["GET /things HTTP/1.1"]
        assert watch.events == ["pace"]


class TestTriedAgain:
    """Retries are of reads, few, and ours."""

    def test_a_read_is_tried_again_and_then_given_up(self) -> None:
        """A vendor that keeps failing is asked three times, each with its own pace, with growing pauses."""
        waits: list[float] = []
        watch = Watch()
        error, peer = refusal(answer({}, 503), sleep=waits.append, **watch.hooks())
        assert isinstance(error, Transient)
        assert len(peer.requests) == len(watch.events) == 3
        assert waits == list(PAUSES)

    def test_a_read_that_works_the_second_time_is_one(self) -> None:
        """The error of the first try is forgotten."""
        with scripted(answer({}, 500), answer([1])) as peer:
            assert line_to(peer.url).ask("GET", "/things") == [1]
        assert len(peer.requests) == 2

    @pytest.mark.parametrize("said", [answer({}, 500), answer({}, 429, ["retry-after: 1"]), nothing, answer(b"<html>")])
    def test_a_write_is_sent_once(self, said: Script) -> None:
        """Nothing makes a write leave twice."""
        _, peer = refusal(said, answer({}), method="POST")
        assert len(peer.requests) == 1

    def test_a_short_wait_that_the_vendor_asks_for_is_kept(self) -> None:
        """Retry-After of some seconds is waited for and the read then tried again."""
        waits: list[float] = []
        with scripted(answer({}, 429, ["retry-after: 7"]), answer({"ok": 1})) as peer:
            assert line_to(peer.url, sleep=waits.append).ask("GET", "/things") == {"ok": 1}
        assert waits == [7.0]

    def test_a_long_wait_is_for_whoever_runs_the_job(self) -> None:
        """Nobody sleeps for an hour in here: the error says how long."""
        waits: list[float] = []
        error, peer = refusal(answer({}, 429, ["retry-after: 3600"]), sleep=waits.append)
        assert isinstance(error, RateLimited)
        assert (error.retry_after, waits, len(peer.requests)) == (3600.0, [], 1)

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_what_will_not_change_is_not_tried_again(self, status: int) -> None:
        """A refusal is final."""
        _, peer = refusal(answer({"error": "no"}, status))
        assert len(peer.requests) == 1


class TestSilence:
    """What it means that no good answer came."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_where_nobody_listens_nothing_happened(self, method: str) -> None:
        """A refused connection: try again, nothing was done."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(Transient) as caught:
            line_to(f"http://127.0.0.1:{port}").ask(method, "/things")
        assert not caught.value.maybe_done
        assert caught.value.message == "no connection"

    @pytest.mark.parametrize(
        "said",
        [nothing, b"\x00\x01garbage\r\n\r\n", half, answer(b"<html>log in</html>"),
         answer(b'{"half":'), answer({}, 500), answer({}, 502), answer({}, 529), answer({}, 408),
         answer(b"\x1f\x8b", 200, ["content-encoding: gzip"]), answer(b"[" * 100_000)],
        ids=["closed", "garbage", "cut", "html", "half-json", "500", "502", "529", "408", "compressed", "deep"],
    )  # fmt: skip
    def test_a_write_without_a_good_answer_may_have_been_done(self, said: Script) -> None:
        """Once the request is out, anything that is no good answer leaves open whether it was done; a read changes nothing."""
        error, _ = refusal(said, method="POST")
        assert isinstance(error, Transient)
        assert error.maybe_done
        error, _ = refusal(said, method="GET")
        assert isinstance(error, Transient)
        assert not error.maybe_done

    def test_an_answer_that_never_ends_is_left(self) -> None:
        """The time is for the whole call: bytes that come one by one do not stretch it."""
        error, _ = refusal(drip(b" ", 0.05), method="POST", timeout=0.5)
        assert isinstance(error, Transient)
        assert error.maybe_done
        assert error.message == "no answer in time"

    def test_an_answer_without_bound_is_left(self) -> None:
        """More than what an answer may hold is not read, let alone kept."""
        whole = b"HTTP/1.1 200 Said\r\ncontent-length: 99999999999\r\n\r\n"

        def pour(peer: socket.socket) -> None:
            peer.sendall(whole)
            while True:
                peer.sendall(b"[" * 65536)

        error, _ = refusal(pour, method="POST")
        assert isinstance(error, Transient)
        assert error.message == "the answer is larger than 16 MiB"

    def test_a_redirect_is_not_followed(self) -> None:
        """Where a redirect leads nobody goes; the workspace has another address, and somebody has to say so."""
        with scripted(answer({})) as other:
            error, peer = refusal(answer({}, 307, [f"location: {other.url}/x"]), method="POST")
        assert isinstance(error, StopRun)
        assert "redirect" in error.hint
        assert len(peer.requests) == 1
        assert not other.requests

    def test_an_empty_answer_is_an_answer(self) -> None:
        """204 has no JSON and is good."""
        with scripted(b"HTTP/1.1 204 Done\r\n\r\n") as peer:
            assert line_to(peer.url).ask("DELETE", "/things/1") is None


class TestMapped:
    """What an SDK makes of an answer."""

    def test_odd_answers_become_transient_not_attribute_errors(self) -> None:
        """Whatever goes wrong in reading an answer is the vendor's; after a write it may have been done."""
        with scripted(answer({})) as peer:
            line = line_to(peer.url)
            with pytest.raises(Transient) as caught, line.mapped():
                _ = client2(line).get(peer.url).json()["data"][0]
            assert not caught.value.maybe_done
            with pytest.raises(Transient) as caught, line.mapped():
                _ = client2(line).post(peer.url).json()["id"]
            assert caught.value.maybe_done
            assert "KeyError" in caught.value.message

    @pytest.mark.parametrize("wrote", [True, False])
    def test_an_answer_is_understood_or_transient(self, wrote: bool) -> None:
        """After a write it may have been done; what the reader says on purpose stays."""
        line = line_to("http://127.0.0.1:9")
        assert line.understood({"id": 7}, lambda answer: answer["id"], wrote=wrote) == 7
        odd: Any
        for odd in ({}, None, [], "text", {"other": 1}):
            with pytest.raises(Transient) as caught:
                line.understood(odd, lambda answer: answer["id"], wrote=wrote)
            assert caught.value.maybe_done is wrote
        with pytest.raises(Rejected):
            line.understood({}, _rejected, wrote=wrote)

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_200_that_says_that_it_failed_is_a_failure(self, method: str) -> None:
        """It is not tried again, and never taken for an answer."""
        opened = Access("openai", secret=SECRET, allowed=LOOPBACK)
        with scripted(answer({"success": False, "message": "no room"})) as peer:
            line = Line(opened, base_url=peer.url, authorise={}, meaning=Meaning(done=lambda body: body["success"]))
            with pytest.raises(Rejected, match="no room"):
                line.ask(method, "/things", body={} if method == "POST" else None)
        assert len(peer.requests) == 1

    def test_a_list_that_repeats_its_place_ends(self) -> None:
        """A cursor that comes back would be read for ever."""

        class Same:
            data = ("a", "b")

            def has_next_page(self) -> bool:
                return True

            def next_page_info(self) -> str:
                return "here"

            def get_next_page(self) -> "Same":
                return self

        found: list[str] = []
        with pytest.raises(Transient, match="does not end"):
            found.extend(row for row in line_to("https://api.example.com").pages(Same, str))
        with pytest.raises(Transient):
            list(line_to("https://api.example.com").pages(Same, str))

    def test_a_list_whose_places_are_ever_new_ends(self) -> None:
        """A vendor that always has one more page, each at a place of its own, fills no memory for ever."""
        places = iter(range(1_000_000))

        class More:
            data = ("a",)

            def has_next_page(self) -> bool:
                return True

            def next_page_info(self) -> str:
                return f"place {next(places)}"

            def get_next_page(self) -> "More":
                return self

        with pytest.raises(Transient, match="does not end"):
            list(line_to("https://api.example.com").pages(More, str))
        assert next(places) < 10_000

    def test_a_look_gives_any_status_and_tries_once(self) -> None:
        """Probes see what the vendor said."""
        with scripted(answer({"error": {"code": "x"}}, 401)) as peer:
            assert line_to(peer.url).look("GET", "/models").status == 401
        assert len(peer.requests) == 1


class TestSecrets:
    """The credential is in nothing that anybody reads."""

    FORMS = (
        SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f":{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"{SECRET}:".encode()).decode(), SECRET.encode().hex(), SECRET.replace("/", "\\/"),
        "".join(f"%{byte:02X}" for byte in SECRET.encode()), SECRET[:9] + "\n" + SECRET[9:],
    )  # fmt: skip

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
    def test_an_echo_is_left_out(self, form: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
        """A vendor that repeats the credential in words, codes and headers, in any spelling, is not quoted anywhere."""
        caplog.set_level(logging.DEBUG)
        watch = Watch()
        body = {"error": {"message": f"Incorrect key {form}", "code": form, "type": "invalid"}}
        odd = "".join(form.split())
        said = answer(body, status, [f"x-request-id: {odd}", f"x-echo: {odd}"])
        with scripted(said) as peer, pytest.raises(RemoteError) as caught:
            line_to(peer.url, **watch.hooks()).ask("POST", f"/things/{odd}", body={})
        error = caught.value
        seen = "".join((
            repr(vars(error)), str(error), *traceback.format_exception(error), caplog.text, *watch.told, *watch.events,
            *(repr(record.__dict__) for record in caplog.records),
        ))  # fmt: skip
        assert form not in seen
        assert SECRET not in seen
        assert "left out" in error.message

    def test_what_is_no_secret_is_quoted(self) -> None:
        """Redaction keeps the vendor's reason, code and request id, in one line and within bounds."""
        body = {"error": {"message": "no\n\x1b[31mseat " + "x" * 1000, "code": "seats"}}
        error, _ = refusal(answer(body, 400, ["x-request-id: req_7"]))
        assert isinstance(error, Rejected)
        assert error.message.startswith("no [31mseat xx")
        assert len(error.message) == 400
        assert (error.remote_code, error.request_id, error.answered) == ("seats", "req_7", 400)

    def test_neither_line_nor_access_show_it(self) -> None:
        """A line, an access and what they are made of can be printed."""
        access = Access("openai", secret=SECRET, base_url="https://api.example.com")
        line = Line(access, base_url="", authorise=bearer(SECRET))
        assert SECRET not in repr(access) + repr(line) + repr(client2(line))


def _rejected(_: object) -> None:
    raise Rejected("on purpose")
