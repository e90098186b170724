"""One request's way through: routed, sent, perhaps sent again to another member, answered, booked. Owns the state
of one exchange. Reads no sockets itself; decisions come from `gateway.core`, writing is `Response`'s.
"""

from collections.abc import Callable
from functools import partial

from stationmaster.gateway.core import faults, usage
from stationmaster.gateway.core.endpoints import ModelIn
from stationmaster.gateway.core.events import Event, Try
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.forward import caller_trace
from stationmaster.gateway.core.life import OK, Happening
from stationmaster.gateway.core.pauses import quota
from stationmaster.gateway.core.peek import Refused
from stationmaster.gateway.core.prices import cost as price
from stationmaster.gateway.core.replies import Reply, ReplyHead
from stationmaster.gateway.core.requests import Body, RequestHead
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.core.verdict import Verdict, about_credential
from stationmaster.gateway.server.answers import (
    Answer,
    CopiedAnswer,
    ErrorAnswer,
    FrameAnswer,
    JsonAnswer,
    StreamAnswer,
    TunnelAnswer,
)
from stationmaster.gateway.server.outbound import UpstreamConnection
from stationmaster.gateway.server.ports import Client, House
from stationmaster.gateway.server.routing import Routed

CLIENT_LEFT = 499
NEWS_WAIT = 0.3            # seconds; what a worker tells at once is known everywhere within a few milliseconds
_EMPTY = b"content-length: 0\r\n\r\n"
_UPGRADE = b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n"


class Exchange(Routed):
    """A request and its answer. Created when a head was understood; over when its event is recorded and the
    client is free for the next request. Implements `outbound.Listener`."""

    __slots__ = (
        "_answer", "_answered", "_asked", "_body", "_retried", "_spent", "_started", "_waited", "attempts", "client_left",
        "connection", "deadline", "error", "framing", "method", "over", "reserved", "tunnel",
        "upload_held", "upstream_status", "vendor_id",
    )

    def __init__(self, worker: House, client: Client, head: RequestHead) -> None:
        self.worker = worker
        self.client = client
        self.head = head
        self.table = worker.table
        self.request_id = worker.new_request_id()
        self.method = head.method
        self.model = head.model
        self.session = head.session
        self.session_by = head.session_by
        self.error = self.sent_model = self.pin = self.before = ""
        self.plan = self.pool = self.member = self.upstream = self.skipped = self.tokens = self.cost = None
        self.source = "none"
        self.tried = ()
        self.status = self.bytes_in = self.bytes_out = self.most_output = self.expected = self.estimate = 0
        self.stream = self.upload_open = self._chunked = self._close = self.admitted = False
        self._pending = b""
        self._first_byte = 0.0
        self.connection: UpstreamConnection | None = None
        self.framing = b""               # the request's last header fields, and its body, as long as they may have
        self._body = b""                 # to be sent again
        self.reserved = 0                # bytes of the worker's body budget
        self.attempts = self.upstream_status = 0
        self.vendor_id = b""
        self.client_left = self.tunnel = self.over = False
        self.upload_held = False         # the upstream takes no more of it just now
        self.injected = False            # we asked for stream usage, the client did not
        self.deadline = 0.0              # of what we wait for now, on the worker's coarse clock
        self._answer: Answer | None = None
        self._retried = self._spent = self._waited = False
        self._started = worker.clock()
        self._asked = self._answered = 0.0         # when a connection was asked for, when the answer began

    # The request.

    def start(self, body: bytes) -> None:
        """Route a request whose body is whole, and send it."""
        self.bytes_in = len(body)
        head, said = self.head, body
        try:
            if head.named:
                self.find_owner(said)     # first: it tells where to go though no model does
            if head.reads_body:
                body = self.read(said)    # as the upstream gets it
            else:
                self.route_batch(said) if head.endpoint.model_in is ModelIn.BATCH else self.route()
            if not head.named:
                self.find_owner(said)
        except Refused as refused:
            if refused.fault is not faults.RESOURCES_SHARED or not self._wait_for_news(said):
                self.fail(refused.fault)
            return
        self._body = body
        if body or not head.bare:
            self.framing = b"content-length: %d\r\n\r\n" % len(body)
        else:
            self.framing = _UPGRADE if head.websocket else b"\r\n" if head.body is Body.NONE else _EMPTY
        self.attempt(fresh=head.websocket)

    def _wait_for_news(self, body: bytes) -> bool:
        """What nobody is known to have made may have been made by another worker, just now: wait once, and look again."""
        if self._waited or self.table.settings.workers < 2:
            return False
        self._waited = True
        self.deadline = self.worker.now + self.table.settings.answer_timeout
        self.worker.later(NEWS_WAIT, partial(self._start_again, body))
        return True

    def _start_again(self, body: bytes) -> None:
        try:
            if not self.over:
                self.start(body)
        except Exception as error:  # noqa: BLE001  a mistake of ours must not leave a client without an end
            self.worker.report(error)
            self.fail(faults.INTERNAL)

    # Attempts.

    def attempt(self, *, fresh: bool = False) -> None:
        """Pick a credential and ask for a connection to it; refuse when there is none."""
        head = self.head
        if head.guarded and head.caller is not None:
            refused = self.admit(head.caller)
            if refused is not None:
                self.fail(refused)
                return
        if self.choose():
            self._send(fresh=fresh)
        else:
            self.fail(self.nobody())

    def _send(self, *, fresh: bool) -> None:
        worker, upstream = self.worker, self.upstream
        assert upstream is not None  # noqa: S101  chosen before
        self.deadline = worker.now + self.table.settings.answer_timeout
        self._asked = worker.clock()
        worker.upstreams.acquire(upstream.origin, self, fresh=fresh)

    def _elsewhere(self, outcome: str, code: str = "", *, ours: bool = False) -> bool:
        """This member failed: try the next one, if the client has seen nothing yet and the request can be sent
        again. `ours`: for its secret; one that is rotated has another. False when that cannot be done."""
        member = self.member
        if member is None or self.client is None or self._first_byte or self._spent or self.tunnel:
            return False
        before, other = self.tried, self.other_secret() if ours else None
        pool = self.pool.id if self.pool is not None else ""
        self.tried = (*before, Try(member.id, self.upstream_status, outcome, code, pool, *self._took()))
        if other is not None:
            self.upstream = other
        elif self.choose():
            self.leave(member)
        else:
            self.tried = before
            return False
        self._retried = False
        self._drop_connection()
        self.take_back()
        self._answer, self.upstream_status, self.vendor_id = None, 0, b""
        self._send(fresh=self.head.websocket or self.upload_open)
        return True

    def _took(self) -> tuple[int, int]:
        """Of this attempt, in microseconds: when it began, from the request's head on, and how long it took until now."""
        return int((self._asked - self._started) * 1e6), int((self.worker.clock() - self._asked) * 1e6)

    def _blame(self, happening: Happening) -> None:
        """Note what an attempt says about its credential."""
        if self.upstream is not None:
            self.worker.health.tell(self.upstream.standing, happening, self, self._turn())

    def _turn(self) -> int:
        """A number that repeats of the same request share."""
        return hash((self.head.key, self.session, self.bytes_in, self._body[-256:]))

    def judged(self, verdict: Verdict) -> bool:
        """Take note of what the upstream's error means. True: another member serves the request now."""
        happening = verdict.happening
        if happening is not None:
            self._blame(happening)
        return verdict.retry and self._elsewhere(
            happening.cause or happening.signal if happening is not None else "", happening.code if happening is not None else "",
            ours=verdict.ours,
        )

    def on_connected(self, connection: UpstreamConnection) -> None:
        """Send the request; if nobody waits any more, close the connection unused."""
        upstream = self.upstream
        if self.over or upstream is None:
            connection.discard()
            return
        self.connection = connection
        self.attempts += 1
        start = self.head.prefix(upstream, self.sent_model)
        if upstream.signer is not None:
            start = upstream.proven(start, self._body, self.worker.epoch + self.worker.now)
        request = b"%b%b%b" % (start, self.framing, self._body)
        connection.send(self, request, whole=not self.upload_open)
        if self.upload_open and self.client is not None:
            self._spent = True
            self.client.upload_may_flow()

    def on_unreachable(self, fault: Fault) -> None:
        """No connection: nothing was sent. For want of files of our own nobody is to blame, and nobody else would fare better."""
        if self.over:
            return
        if fault is faults.NO_FILES:
            self.fail(fault)
            return
        self.attempts += 1
        self._failed(fault, unanswered=True)

    def _failed(self, fault: Fault, *, unanswered: bool = False) -> None:
        """The upstream failed us, perhaps before any byte of an answer: another one, or our error."""
        self._blame(Happening("upstream_fault", "upstream", fault.code))
        if self._elsewhere("upstream", fault.code):
            return
        if unanswered and self._may_repeat(fault) and self.worker.retries.repeat():
            self._retried = True
            self._drop_connection()
            self.take_back()
            self._answer = None
            self._send(fresh=True)
        else:
            self.fail(fault)

    def _may_repeat(self, fault: Fault) -> bool:
        """A connection that failed before any answer is worth one more try where nobody else can serve."""
        early = fault in (faults.UNREACHABLE, faults.UPSTREAM_CLOSED)
        return early and not (self._retried or self._spent or self._first_byte or self.client is None)

    def on_upload_paused(self, paused: bool) -> None:
        """The upstream takes no more just now (or does again): hold the client's bytes back."""
        self.upload_held = paused
        self.deadline = self.worker.now + self.table.settings.answer_timeout
        if self.client is not None and (self.upload_open or self.tunnel):
            self.client.hold(paused)

    def upload(self, data: bytes) -> None:
        """A further piece of the request, already framed; of an upgraded connection, the client's bytes."""
        if self.connection is not None:
            self.connection.transport.write(data)

    def upload_done(self) -> None:
        """The request's last byte was handed over."""
        self.upload_open = False
        self.deadline = self.worker.now + self.table.settings.answer_timeout
        if self.connection is not None:
            self.connection.whole_request = True

    # The answer.

    def on_reply(self, reply: Reply) -> Callable[[bytes], None]:
        """Decide how the answer's body is taken, and hold its head for the first body bytes."""
        head, upstream = reply.head, self.upstream
        self._answered = self.worker.clock()
        self.upstream_status = head.status
        self.vendor_id = reply.vendor_id
        if upstream is not None and (head.status < 300 or head.status == 304):
            if not upstream.standing.clean:
                self._blame(OK)
            if upstream.standing.looked != self.worker.now:
                self._learn(reply, upstream)
        client = self.client
        if client is not None and client.slow and self.connection is not None:
            self.connection.pause()
        if not self.client_left:   # whoever left has set how long we still read
            self.deadline = self.worker.now + self.table.settings.idle_timeout
        answer = self._answer = self._answer_to(head, reply)
        return answer.payload

    def _learn(self, reply: Reply, upstream: Upstream) -> None:
        """Read what the vendor says is left of its limits: once a tick, for it costs as much as a request."""
        upstream.standing.looked = self.worker.now
        left = quota(reply.fields(), self.worker.epoch + self.worker.now)
        if left is not None:
            self.worker.health.learn(upstream.standing, left)
        if upstream.standing.clean:    # behind `learn`, which takes it back
            upstream.standing.quiet = self.worker.now

    def on_whole(self, reply: Reply, body: bytes) -> None:
        """An answer in one piece. The usual one, a metered 200, goes straight through."""
        mine, client, upstream = self.head, self.client, self.upstream
        self.connection = None     # it is already free for the next exchange
        if (
            not reply.head.usual or client is None or client.slow or self.upload_open or upstream is None
            or upstream.standing.quiet != self.worker.now or not client.keeps_alive(mine)
        ):
            take = self.on_reply(reply)
            if body:
                take(body)
            self.on_end()
            return
        self._answered = self.worker.clock()
        self.upstream_status = 200
        self.vendor_id = reply.vendor_id
        self.write_whole(reply, body, client)
        if mine.metered:
            self.tokens, self.source = usage.of_body(mine.meter, body), "upstream_final"
            if self.tokens is None:
                self.tokens, self.source = usage.unread(mine.meter, body, self.bytes_in, reply=reply)
        if mine.makes:
            self.learn_made(body)
        self.finish()

    def _answer_to(self, head: ReplyHead, reply: Reply) -> Answer:
        if head.status == 200 and head.json and self.head.metered:
            self.pass_head(reply)
            return JsonAnswer(self, reply)
        if head.status == 101:
            return self._switch(head)
        if head.status >= 400 and head.framing != "none":
            return ErrorAnswer(self, reply)
        if about_credential(self.upstream.vendor if self.upstream else "openai", head.status, b""):
            self.fail(faults.UPSTREAM_CREDENTIAL)   # an answer to HEAD: there is no text to judge
            return Answer(self)
        if 300 <= head.status < 400 and head.status != 304:
            self.fail(faults.UPSTREAM_REDIRECT)
            return Answer(self)
        framed = head.framed and self.head.dialect == "bedrock"
        if head.stream or framed:
            self.stream = True
        self.pass_head(reply)
        if head.stream:
            return StreamAnswer(self, withhold=self.injected)
        if framed:
            return FrameAnswer(self)
        return CopiedAnswer(self) if head.json and head.status < 300 and self.head.makes else Answer(self)

    def begin(self) -> None:
        """The first byte leaves, so the request will not be sent again."""
        super().begin()
        self.release()

    def pass_error(self, reply: Reply, body: bytes) -> None:
        """An upstream's error, verbatim: its body was held until it was whole. Of a rate limit, when others of the
        pool may be free before this one: ours, with the shortest wait."""
        several = self.plan is not None and self.plan.several
        if reply.head.status == 429 and several and (fault := self.nobody()).status == 429:
            self.fail(fault)
            return
        self.pass_head(reply, len(body))
        if body:
            self.write(body)

    def on_end(self) -> None:
        """The upstream's answer is whole."""
        self.connection = None
        answer = self._answer
        if answer is not None:
            answer.end()
        if not self.over and self._answer is answer:    # else another member is answering
            self.finish()

    def on_broken(self, fault: Fault, *, unanswered: bool) -> None:
        """The connection died. A reused one that never answered was stale: send again, once, on a new one."""
        connection, self.connection = self.connection, None
        stale = unanswered and connection is not None and connection.used > 1
        if self.over:
            return
        if stale and not self._retried and not self._spent and self.worker.retries.repeat():
            self._retried = True
            self._send(fresh=True)
        elif self.tunnel:
            self._close_tunnel()
        else:
            self._failed(fault, unanswered=unanswered)

    def answer_locally(self, status: int, body: bytes) -> None:
        """Answer without any upstream, with a JSON text of our own."""
        if not self.over and self.client is not None:
            self.write_own(status, body, self.client)
            self.finish()

    # Ends.

    def fail(self, fault: Fault) -> None:
        """End with our own error: an answer where none has begun, the dialect's ending on an open stream,
        a reset in the middle of any other body."""
        self.error = fault.code
        self._drop_connection()
        client = self.client
        if self._answer is not None:
            self._answer.broken()
        if client is None:
            self.finish()
        elif self.bytes_out or self.tunnel:
            self._break_off(fault, client)
        else:
            self.take_back()
            self.write_fault(fault, client)
            self.finish()

    def _break_off(self, fault: Fault, client: Client) -> None:
        self._close = True
        answer = self._answer
        if not isinstance(answer, StreamAnswer | FrameAnswer):
            client.transport.abort()
            self.finish()
            return
        if ending := answer.ending(fault):
            self.write(ending)
        self.end_body()
        self.finish()

    def finish(self) -> None:
        """The exchange is over: end the body, record the event, free the client for its next request."""
        if self.over:
            return
        self.over = True
        if (self._pending or self._chunked) and not self.error:
            self.end_body()
        self.release()
        tokens, upstream = self.tokens, self.upstream
        if tokens is not None and upstream is not None:
            rates = upstream.rates(self.sent_model)
            self.cost = price(rates, tokens) if rates is not None else None
        self.worker.record(self._event())
        if self.member is not None and self.member.room is not None:
            self.leave(self.member)
        if self.admitted:
            self.settle()
        self._answer = None              # it points back here: without this only the collector frees either
        client = self.client
        if client is not None:
            self.client = None
            client.exchange_over(close=self._close or self.upload_open)
        elif self.client_left:
            self.worker.orphans.discard(self)

    def release(self) -> None:
        """Let go of the request's bytes: they will not be sent again."""
        self._body = b""
        self._spent = True
        if self.reserved:
            self.worker.buffered -= self.reserved
            self.reserved = 0

    def _drop_connection(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.discard()

    # The client's side.

    def client_gone(self) -> None:
        """The client left. Keep reading for a short while, so that the vendor's count of tokens arrives."""
        self.client = None
        self.client_left = True
        limit = self.table.settings.drain_after_disconnect
        if self.connection is None or self.upload_open or self.tunnel or limit <= 0:
            self._abandon()
            return
        self.connection.resume()
        self.deadline = self.worker.now + limit
        self.worker.orphans.add(self)

    def _abandon(self) -> None:
        self._drop_connection()
        if self._answer is not None:
            self._answer.broken()
        self.finish()

    def client_slow(self, slow: bool) -> None:
        """The client takes no more just now, or does again."""
        self.deadline = self.worker.now + self.table.settings.idle_timeout
        if self.connection is not None:
            (self.connection.pause if slow else self.connection.resume)()

    # Time.

    def tick(self, now: float) -> None:
        """Called once a coarse tick: give up on what takes too long, keep quiet streams alive."""
        if self.client_left:
            if now >= self.deadline:
                self._abandon()
            return
        if self.head.endpoint.local or self.tunnel or (self.upload_open and not self.upload_held):
            return
        connection, answer = self.connection, self._answer
        if connection is not None and answer is not None and connection.heard:
            connection.heard = False
            self.deadline = now + self.table.settings.idle_timeout
        elif now >= self.deadline:
            self._give_up()
        elif isinstance(answer, StreamAnswer):
            self._keep_alive(now, answer)

    def _give_up(self) -> None:
        """What we waited for did not come: the upstream's next bytes, or a client ready to take them."""
        if self.connection is not None and self.connection.paused and self.client is not None:
            self.error = "client_stalled"
            self._close = True
            self.client.transport.abort()
            self._abandon()
        else:
            self._failed(faults.UPSTREAM_TIMEOUT)

    def _keep_alive(self, now: float, answer: StreamAnswer) -> None:
        pause = self.table.settings.keepalive_comment
        heard = self.deadline - self.table.settings.idle_timeout
        if pause and answer.clean and now - max(heard, answer.commented) >= pause:
            answer.commented = now
            self.write(b": keep-alive\n\n")

    def drain(self) -> None:
        """The gateway stops now: end what is open, audibly."""
        if self.client_left:
            self._abandon()
        elif self.tunnel:
            self._close_tunnel()
        else:
            self.fail(faults.STREAM_DRAINED)

    # Upgraded connections.

    def _switch(self, head: ReplyHead) -> Answer:
        client = self.client
        if not self.head.websocket or client is None:
            self.fail(faults.UPSTREAM_GARBAGE)
            return Answer(self)
        self.tunnel, self.status = True, 101
        self._first_byte = self.worker.clock()
        client.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n%b"
            b"x-stationmaster-request-id: %b\r\n\r\n" % (head.handshake, self.request_id.encode())
        )
        client.tunnel_open()
        return TunnelAnswer(self)

    def tunnel_up(self, data: bytes) -> None:
        """Upgraded bytes from the client."""
        self.bytes_in += len(data)
        self.upload(data)

    def _close_tunnel(self) -> None:
        self._close = True
        self._drop_connection()
        if self._answer is not None:
            self._answer.broken()
        self.finish()

    # The event.

    def _vendor_id(self) -> str:
        """The vendor's id of the request, if it is one: whatever else stands in that field is not for the log."""
        text, upstream = self.vendor_id, self.upstream
        if upstream is None or len(text) > 128 or text.find(upstream.secret) >= 0:
            return ""
        return text.decode("latin-1")

    def _event(self) -> Event:
        head, now, started, first = self.head, self.worker.clock(), self._started, self._first_byte
        plan = self.plan
        pool = self.pool or (plan.pools[0] if plan is not None else None)
        return Event(
            self.worker.epoch + now,
            self.request_id,
            head.key_id,
            head.owner,
            head.tenant,
            head.kind,
            head.dialect,
            head.method,
            self.model,
            plan.label if plan is not None else "",
            pool.id if pool is not None else "",
            self.upstream.id if self.upstream is not None else "",
            self.attempts,
            CLIENT_LEFT if self.client_left and not self.bytes_out else self.status,
            self.upstream_status,
            self._vendor_id() if self.vendor_id else "",
            self.error,
            self.stream,
            self.client_left,
            head.retry,
            int((first - started) * 1e6) if first else 0,
            int((now - started) * 1e6),
            int((self._asked - started + first - self._answered) * 1e6) if first and self._answered else 0,
            self.bytes_in,
            self.bytes_out,
            self.tokens,
            self.source,
            self.cost,
            self.session_by,
            self.tried,
            self.skipped or None,
            caller_trace(head.line.headers) if self.worker.traced else "",
        )
