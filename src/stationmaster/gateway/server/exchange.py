"""One request's way through: routed, sent, answered, booked. Owns: the state of one exchange and what is
written to its client. Reads no sockets itself; decisions come from `gateway.core`.
"""

from collections.abc import Callable

from stationmaster.gateway.core import faults, usage
from stationmaster.gateway.core.endpoints import ModelIn
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.faults import Fault, stream_ending
from stationmaster.gateway.core.peek import Peek, Refused, batch_models, other_models
from stationmaster.gateway.core.pools import Plan
from stationmaster.gateway.core.replies import Reply, ReplyHead
from stationmaster.gateway.core.requests import Body, RequestHead
from stationmaster.gateway.core.table import allows
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.core.usage import Source, Tokens
from stationmaster.gateway.core.verdict import about_credential
from stationmaster.gateway.server.answers import Answer, ErrorAnswer, JsonAnswer, StreamAnswer
from stationmaster.gateway.server.outbound import UpstreamConnection
from stationmaster.gateway.server.ports import Client, House

CLIENT_LEFT = 499
_EMPTY = b"content-length: 0\r\n\r\n"
_UPGRADE = b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n"


class Exchange:
    """A request and its answer. Created when a head was understood; over when its event is recorded and the
    client is free for the next request. Implements `outbound.Listener`."""

    __slots__ = (
        "_answer", "_chunked", "_close", "_first_byte", "_pending", "_retried", "_started", "attempts", "bytes_in",
        "bytes_out", "client", "client_left", "connection", "deadline", "error", "head", "injected", "method", "model",
        "over", "plan", "request", "request_id", "reserved", "sent_model", "source", "status", "stream", "table",
        "tokens", "tunnel", "upload_held", "upload_open", "upstream", "upstream_status", "vendor_id", "worker",
    )

    def __init__(self, worker: House, client: Client, head: RequestHead) -> None:
        self.worker = worker
        self.client: Client | None = client
        self.head = head
        self.table = worker.table
        self.method = head.method
        self.model = head.model
        self.request_id = worker.new_request_id()
        self.sent_model = self.error = ""
        self.plan: Plan | None = None
        self.upstream: Upstream | None = None
        self.connection: UpstreamConnection | None = None
        self.tokens: Tokens | None = None
        self.source: Source = "none"
        self.request = b""               # what was sent, as long as it may have to be sent again
        self.reserved = 0                # bytes of the worker's body budget
        self.attempts = self.status = self.upstream_status = self.bytes_in = self.bytes_out = 0
        self.vendor_id = b""
        self.stream = self.client_left = self.tunnel = self.over = False
        self.upload_open = False         # the request's body is still passing
        self.upload_held = False         # the upstream takes no more of it just now
        self.injected = False            # we asked for stream usage, the client did not
        self.deadline = 0.0              # of what we wait for now, on the worker's coarse clock
        self._answer: Answer | None = None
        self._pending = b""              # a head waiting for the first body bytes
        self._chunked = self._close = self._retried = False
        self._started = worker.clock()
        self._first_byte = 0.0

    # The request.

    def start(self, body: bytes) -> None:
        """Route a request whose body is whole, and send it."""
        self.bytes_in = len(body)
        head = self.head
        try:
            if head.reads_body:
                body = self._read(body)
            else:
                self._route_batch(body) if head.endpoint.model_in is ModelIn.BATCH else self.route()
        except Refused as refused:
            self.fail(refused.fault)
            return
        prefix = self.choose()
        upstream = self.upstream
        if prefix is None or upstream is None:
            return
        if body or not head.bare:
            self.request = b"%bcontent-length: %d\r\n\r\n%b" % (prefix, len(body), body)
        else:
            self.request = prefix + (_UPGRADE if head.websocket else b"\r\n" if head.body is Body.NONE else _EMPTY)
        self.worker.upstreams.acquire(upstream.origin, self, fresh=head.websocket)

    def _read(self, body: bytes) -> bytes:
        """Route by what the JSON body says; return it as the upstream gets it. Raises Refused."""
        head = self.head
        peek = Peek(body)
        if head.names_model:
            self.model = peek.model
        self.route()
        if head.limited:
            self._check_others(peek)
        if head.names_model and self.sent_model != peek.model:
            body = peek.with_model(self.sent_model)
            peek = Peek(body)
        if peek.stream and head.asks_usage:
            body, self.injected = peek.with_usage_asked()
        return body

    def _check_others(self, peek: Peek) -> None:
        """A key that may use certain models only may not reach others through what stands beside `model`."""
        key, others = self.head.key, other_models(peek)
        assert key is not None  # noqa: S101  no exchange goes on without one
        if others is None or not all(allows(key, model) for model in others):
            raise Refused(faults.MODELS_ELSEWHERE)

    def _route_batch(self, body: bytes) -> None:
        """A batch goes where its models go: all to one pool, under the vendor's own names. Raises Refused."""
        key = self.head.key
        plans: list[Plan] = []
        assert key is not None  # noqa: S101  no exchange goes on without one
        for model in batch_models(body):
            plan = self.table.plan_named(key, model)
            if isinstance(plan, Fault):
                raise Refused(plan)
            if plan.sent != model or (plans and plan.pool is not plans[0].pool):
                raise Refused(faults.BATCH_MODELS)
            plans.append(plan)
        if not plans:
            raise Refused(faults.NO_MODEL)
        self.plan = plans[0]

    def route(self) -> None:
        """Set the plan from key and model. Raises Refused."""
        head = self.head
        plan = head.plans.get(self.model)
        if plan is None:
            plan = self.table.plan(head, self.model)
        if isinstance(plan, Fault):
            raise Refused(plan)
        self.plan = plan
        self.sent_model = plan.sent

    def choose(self) -> bytes | None:
        """Pick the credential; return the request's first bytes for it, or None after refusing."""
        plan, worker = self.plan, self.worker
        assert plan is not None  # noqa: S101  routed before
        head = self.head
        worker.turn += 1
        upstream = self.upstream = plan.pool.choose(head.dialect, worker.turn)
        if upstream is None:
            self.fail(faults.NO_MEMBER)
            return None
        self.deadline = worker.now + self.table.settings.answer_timeout
        return head.prefix(upstream, plan.sent)

    def on_connected(self, connection: UpstreamConnection) -> None:
        """Send the request; if nobody waits any more, close the connection unused."""
        if self.over:
            connection.discard()
            return
        self.connection = connection
        self.attempts += 1
        connection.send(self, self.request, whole=not self.upload_open)
        if self.upload_open and self.client is not None:
            self.client.upload_may_flow()

    def on_unreachable(self, fault: Fault) -> None:
        """No connection: nothing was sent, the caller gets our error."""
        if not self.over:
            self.attempts += 1
            self.fail(fault)

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
        head = reply.head
        self.upstream_status = head.status
        self.vendor_id = reply.vendor_id
        self.release()
        client = self.client
        if client is not None and client.slow and self.connection is not None:
            self.connection.pause()
        if not self.client_left:   # whoever left has set how long we still read
            self.deadline = self.worker.now + self.table.settings.idle_timeout
        answer = self._answer = self._answer_to(head, reply)
        return answer.payload

    def on_whole(self, reply: Reply, body: bytes) -> None:
        """An answer in one piece. The usual one, a metered 200, goes straight through."""
        head, mine, client = reply.head, self.head, self.client
        self.connection = None     # it is already free for the next exchange
        if not head.usual or client is None or client.slow or self.upload_open or not client.keeps_alive(mine):
            take = self.on_reply(reply)
            if body:
                take(body)
            self.on_end()
            return
        self.status = self.upstream_status = 200
        self.vendor_id = reply.vendor_id
        self.bytes_out = reply.length
        self._first_byte = self.worker.clock()
        client.transport.write(b"%b%b\r\nx-stationmaster-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            head.start, reply.lines, self.request_id.encode(), reply.length, body
        ))
        if mine.metered:
            self.tokens = usage.of_body(mine.meter, body)
            self.source = "upstream_final" if self.tokens is not None else "none"
        self.finish()

    def _answer_to(self, head: ReplyHead, reply: Reply) -> Answer:
        if head.status == 200 and head.json and self.head.metered:
            self.pass_head(reply)
            return JsonAnswer(self)
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
        if head.stream:
            self.stream = True
        self.pass_head(reply)
        return StreamAnswer(self, withhold=self.injected) if head.stream else Answer(self)

    def pass_head(self, reply: Reply, length: int = -1) -> None:
        """Compose the head for the client. Framing is ours (`length` when we know better), and the id."""
        head, mine, client = reply.head, self.head, self.client
        self.status = head.status
        if length >= 0:
            framing = b"content-length: %d\r\n" % length
        elif head.framing == "length" and not self.stream:   # what we may have to add to a stream has no room in it
            framing = b"content-length: %d\r\n" % reply.length
        elif head.framing == "none":
            framing = b"content-length: %d\r\n" % reply.length if reply.length >= 0 and mine.head_only else b""
        elif mine.http11:
            self._chunked, framing = True, b"transfer-encoding: chunked\r\n"
        else:
            self._close, framing = True, b""
        if self._close or self.upload_open or client is None or not client.keeps_alive(mine):
            self._close, framing = True, framing + b"connection: close\r\n"
        self._pending = b"".join((
            head.stream_start if self.stream else head.start, reply.lines,
            b"\r\nx-stationmaster-request-id: ", self.request_id.encode(), b"\r\n", framing, b"\r\n",
        ))

    def write(self, payload: bytes) -> None:
        """Body bytes to the client, with the head before the first ones."""
        client = self.client
        if client is None:
            return
        self.bytes_out += len(payload)
        if self._pending:
            self._first_byte = self.worker.clock()
            head, self._pending = self._pending, b""
            payload = b"%b%x\r\n%b\r\n" % (head, len(payload), payload) if self._chunked else head + payload
        elif self._chunked:
            payload = b"%x\r\n%b\r\n" % (len(payload), payload)
        client.transport.write(payload)

    def pass_error(self, reply: Reply, body: bytes) -> None:
        """An upstream's error, verbatim: its body was held until it was whole."""
        self.pass_head(reply, len(body))
        if body:
            self.write(body)

    def on_end(self) -> None:
        """The upstream's answer is whole."""
        self.connection = None
        if self._answer is not None:
            self._answer.end()
        if not self.over:
            self.finish()

    def on_broken(self, fault: Fault, *, unanswered: bool) -> None:
        """The connection died. A reused one that never answered was stale: send again, once, on a new one."""
        connection, self.connection = self.connection, None
        stale = unanswered and connection is not None and connection.used > 1
        if stale and not self._retried and self.request and self.upstream is not None and not self.over:
            self._retried = True
            self.worker.upstreams.acquire(self.upstream.origin, self, fresh=True)
        elif self.tunnel:
            self._close_tunnel()
        elif not self.over:
            self.fail(fault)

    def answer_locally(self, status: int, body: bytes) -> None:
        """Answer without any upstream, with a JSON text of our own."""
        if self.over or self.client is None:
            return
        self._close = not self.client.keeps_alive(self.head)
        self.status = status
        self._pending = faults.own_head(status, len(body), self.request_id, close=self._close)
        if not self.head.head_only:
            self.write(body)
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
            self._pending = b""
            self.status = fault.status
            self._close = fault.close or self.upload_open or not client.keeps_alive(self.head)
            client.transport.write(faults.answer(
                fault, self.head.dialect, self.request_id, close=self._close, head_only=self.head.head_only
            ))
            self.finish()

    def _break_off(self, fault: Fault, client: Client) -> None:
        self._close = True
        answer = self._answer
        if not isinstance(answer, StreamAnswer):
            client.transport.abort()
            self.finish()
            return
        ending = stream_ending(fault, self.head.meter, self.head.dialect, self.request_id, answer.usage.response_id)
        if ending:
            self.write(ending if answer.clean else b"\n\n" + ending)
        self._end_body()
        self.finish()

    def _end_body(self) -> None:
        """What follows the last payload byte on the wire: the held head if there was no payload, last chunk."""
        client = self.client
        data, self._pending = self._pending, b""
        if self._chunked:
            data += b"0\r\n\r\n"
        if client is not None and data:
            client.transport.write(data)

    def finish(self) -> None:
        """The exchange is over: end the body, record the event, free the client for its next request."""
        if self.over:
            return
        self.over = True
        if (self._pending or self._chunked) and not self.error:
            self._end_body()
        self.release()
        self.worker.record(self._event())
        self._answer = None              # it points back here: without this only the collector frees either
        client = self.client
        if client is not None:
            self.client = None
            client.exchange_over(close=self._close or self.upload_open)
        elif self.client_left:
            self.worker.orphans.discard(self)

    def release(self) -> None:
        """Let go of the request's bytes: they will not be sent again."""
        self.request = b""
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
            self.fail(faults.UPSTREAM_TIMEOUT)

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
        return Answer(self)

    def tunnel_up(self, data: bytes) -> None:
        """Upgraded bytes from the client."""
        self.bytes_in += len(data)
        self.upload(data)

    def _close_tunnel(self) -> None:
        self._close = True
        self._drop_connection()
        self.finish()

    # The event.

    def _vendor_id(self) -> str:
        """The vendor's id of the request, if it is one: whatever else stands in that field is not for the log."""
        text, upstream = self.vendor_id, self.upstream
        if upstream is None or len(text) > 128 or (len(text) >= len(upstream.secret) and upstream.secret in text):
            return ""
        return text.decode("latin-1")

    def _event(self) -> Event:
        head, now, key = self.head, self.worker.clock(), self.head.key
        endpoint, started, first = head.endpoint, self._started, self._first_byte
        return Event(
            self.worker.epoch + now,
            self.request_id,
            key.id if key else "",
            key.owner if key else "",
            key.tenant if key else "",
            endpoint.kind,
            head.dialect,
            head.method,
            self.model[:256],
            self.sent_model[:256],
            self.plan.pool.id if self.plan else "",
            self.upstream.id if self.upstream else "",
            self.attempts,
            CLIENT_LEFT if self.client_left and not self.bytes_out else self.status,
            self.upstream_status,
            self._vendor_id(),
            self.error,
            self.stream,
            self.client_left,
            int((first - started) * 1e6) if first else 0,
            int((now - started) * 1e6),
            self.bytes_in,
            self.bytes_out,
            self.tokens,
            self.source,
        )
