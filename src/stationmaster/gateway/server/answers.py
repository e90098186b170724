"""How an answer's body is taken: passed, copied for the meter, split into events or frames, or held back and judged.

One object an answer, told of each payload. Writes through its exchange, never to a socket.
"""

from stationmaster.gateway.core import faults, sse, usage
from stationmaster.gateway.core.affinity import event_matters, made_by_event
from stationmaster.gateway.core.eventstream import Frame, FrameSplitter, parse
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.framed import FrameUsage
from stationmaster.gateway.core.life import UPSTREAM, Happening
from stationmaster.gateway.core.replies import Reply
from stationmaster.gateway.core.verdict import Verdict, about_credential, judge, judge_event, judge_exception
from stationmaster.gateway.core.websocket import RealtimeUsage
from stationmaster.gateway.server.ports import Taker

MAX_ERROR = 1024 * 1024          # an error body larger than this is no explanation, another is not read as a whole
MAX_COPY = 64 * 1024             # of a JSON answer, kept for the meter


class Answer:
    """The simplest answer: bytes pass, nothing is read. A file, an image, a list, an upgraded connection."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Taker) -> None:
        self._exchange = exchange

    def payload(self, data: bytes) -> None:
        """A piece of the body."""
        self._exchange.write(data)

    def end(self) -> None:
        """The body is whole."""

    def broken(self) -> None:
        """The body will not become whole."""


class JsonAnswer(Answer):
    """A JSON body whose `usage` is read when it is whole: from all of it if it is small, else from its tail."""

    __slots__ = ("_cut", "_kept", "_most", "_reply", "_size")

    def __init__(self, exchange: Taker, reply: Reply) -> None:
        super().__init__(exchange)
        self._reply = reply
        self._most = MAX_ERROR if exchange.head.makes else MAX_COPY
        self._kept = b""
        self._size = 0
        self._cut = False

    def payload(self, data: bytes) -> None:
        """A piece of the body."""
        self._size += len(data)
        self._kept += data
        if len(self._kept) > self._most:
            self._kept = self._kept[-MAX_COPY // 2 :]
            self._cut = True
        self._exchange.write(data)

    def end(self) -> None:
        """Read the usage."""
        exchange = self._exchange
        meter, read = exchange.head.meter, usage.of_tail if self._cut else usage.of_body
        exchange.tokens, exchange.source = read(meter, self._kept), "upstream_final"
        if exchange.tokens is None:
            exchange.tokens, exchange.source = usage.unread(
                meter, self._kept, exchange.bytes_in, reply=self._reply, size=self._size, cut=self._cut
            )
        if exchange.head.makes and not self._cut:
            exchange.learn_made(self._kept)

    def broken(self) -> None:
        """Half a JSON text states nothing: book what the bytes suggest, flagged."""
        exchange = self._exchange
        exchange.tokens, exchange.source = usage.by_size(exchange.bytes_in, self._size), "estimated"


class CopiedAnswer(Answer):
    """A JSON body that may say what was made: read when it is whole, unless it is far larger than such bodies are."""

    __slots__ = ("_kept",)

    def __init__(self, exchange: Taker) -> None:
        super().__init__(exchange)
        self._kept = b""

    def payload(self, data: bytes) -> None:
        """A piece of the body."""
        if len(self._kept) <= MAX_ERROR:
            self._kept += data
        self._exchange.write(data)

    def end(self) -> None:
        """Read what was made."""
        if len(self._kept) <= MAX_ERROR:
            self._exchange.learn_made(self._kept)


class StreamAnswer(Answer):
    """An event stream, passed event by event, so that one that breaks off leaves no half of one; with `withhold`,
    less the usage that we asked for."""

    __slots__ = ("_ended", "_makes", "_matters", "_splitter", "_withhold", "commented", "usage")

    def __init__(self, exchange: Taker, *, withhold: bool) -> None:
        super().__init__(exchange)
        self._splitter = sse.EventSplitter()
        self._withhold = withhold
        self._makes = exchange.head.makes and (exchange.head.method == "POST" or bool(exchange.pin))
        self._ended = False
        self.usage = usage.StreamUsage(exchange.head.meter)
        self._matters = self.usage.matters
        self.commented = 0.0

    @property
    def clean(self) -> bool:
        """Whether the client stands between two events."""
        return not self._splitter.torn

    def ending(self, fault: Fault) -> bytes:
        """What tells the client that the stream ends here, and why."""
        head, request_id = self._exchange.head, self._exchange.request_id
        ending = faults.stream_ending(fault, head.meter, head.dialect, request_id, self.usage.response_id)
        return ending if not ending or self.clean else b"\n\n" + ending

    def payload(self, data: bytes) -> None:
        """A piece of the stream, cut anywhere. Usually one whole event that tells the meter nothing."""
        alone = self._splitter.clean and data.find(b"\n\n") == len(data) - 2 >= 0
        if alone and not self._matters(data):
            self.usage.deltas += 1
            self._exchange.write(data)
            return
        whole = self._splitter.feed(data)
        kept = self._read(whole) if whole else b""
        if kept:
            self._exchange.write(kept)

    def _read(self, run: bytes) -> bytes:
        """Meter a run of whole events; return it without the ones to withhold."""
        meter, kept = self.usage, []
        for event in sse.events(run):
            meter.deltas += 1
            if b'"error"' in event and self._is_taken(event):
                return b""
            if self._makes and event_matters(event):
                self._exchange.learn(made_by_event(sse.data_of(event)))
            extra = self._matters(event) and meter.see(sse.data_of(event))
            if not (extra and self._withhold):
                kept.append(event)
        return b"".join(kept)

    def _is_taken(self, event: bytes) -> bool:
        """Judge what may be an error. True: it is not for the client; another member or we ourselves answer."""
        exchange = self._exchange
        upstream, worker = exchange.upstream, exchange.worker
        if upstream is None:
            return False
        now = worker.clock()
        verdict = judge_event(upstream.vendor, sse.data_of(event), now=now, wall=worker.epoch + now)
        if verdict is not None and exchange.judged(verdict):
            self._ended = True
        elif upstream.leaks(event):
            exchange.fail(faults.UPSTREAM_SECRET)   # an error text that repeats our credential, as any other
        elif verdict is not None and verdict.ours and not exchange.begun:
            exchange.fail(faults.UPSTREAM_CREDENTIAL)
        else:
            return False
        return True

    def end(self) -> None:
        """The upstream ended the stream cleanly. Without the dialect's last event that is a break all the same:
        clients take it for success (decision 5)."""
        tail = self._splitter.tail
        if tail:
            self._exchange.write(self._read(tail) or tail)
        if self._ended:
            return
        if self.usage.broken_off:
            self._exchange.fail(faults.STREAM_BROKEN)
        else:
            self._settle(whole=True)

    def broken(self) -> None:
        """The stream was cut: by the upstream, by the client, by us."""
        self._settle(whole=False)

    def _settle(self, *, whole: bool) -> None:
        if self._ended:
            return
        self._ended = True
        exchange = self._exchange
        exchange.tokens, exchange.source = usage.settle(
            exchange.head.meter, self.usage, whole=whole, request_bytes=exchange.bytes_in
        )


class FrameAnswer(Answer):
    """An AWS event stream, passed frame by frame, each as it came once it is whole and undamaged."""

    __slots__ = ("_ended", "_splitter", "usage")

    def __init__(self, exchange: Taker) -> None:
        super().__init__(exchange)
        self._splitter = FrameSplitter()
        self._ended = False
        self.usage = FrameUsage(exchange.head.meter)

    def ending(self, fault: Fault) -> bytes:
        """What tells the client that the stream ends here, and why. It always stands between two frames."""
        head = self._exchange.head
        return faults.stream_ending(fault, head.meter, head.dialect, self._exchange.request_id)

    def payload(self, data: bytes) -> None:
        """A piece of the stream, cut anywhere."""
        kept: list[bytes] = []
        for raw in self._splitter.feed(data):
            frame = parse(raw)
            if frame is None:
                self._splitter.broken = True
                break
            if frame.exception and self._exchange.begun and kept:
                self._exchange.write(b"".join(kept))
                kept.clear()
            if frame.exception and self._is_taken(frame):
                return
            self.usage.see(frame)
            kept.append(raw)
        if kept:
            self._exchange.write(b"".join(kept))
        if self._splitter.broken and not self._ended:
            self._break(faults.STREAM_BROKEN)

    def _break(self, fault: Fault) -> None:
        """The upstream failed: another member, if the client has seen nothing yet, or the end."""
        if not self._exchange.judged(Verdict(Happening("upstream_fault", UPSTREAM, fault.code), retry=True, ours=False)):
            self._exchange.fail(fault)
        self._ended = True

    def _is_taken(self, frame: Frame) -> bool:
        """Judge an error. True: it is not for the client; another member or we ourselves answer."""
        exchange = self._exchange
        upstream, worker = exchange.upstream, exchange.worker
        if upstream is None:
            return False
        now = worker.clock()
        verdict = judge_exception(upstream.vendor, frame.exception, frame.payload, now=now, wall=worker.epoch + now)
        if exchange.judged(verdict):
            self._ended = True
        elif upstream.leaks(frame.payload) or any(upstream.leaks(text.encode()) for text in frame.headers.values()):
            exchange.fail(faults.UPSTREAM_SECRET)
        elif verdict.ours and not exchange.begun:
            exchange.fail(faults.UPSTREAM_CREDENTIAL)
        else:
            return False
        return True

    def end(self) -> None:
        """The upstream ended the stream cleanly, perhaps too early (`StreamAnswer.end`)."""
        if self._ended:
            return
        if self._splitter.tail or self.usage.broken_off:
            self._exchange.fail(faults.STREAM_BROKEN)
        else:
            self._settle(whole=True)

    def broken(self) -> None:
        """The stream was cut: by the upstream, by the client, by us."""
        self._settle(whole=False)

    def _settle(self, *, whole: bool) -> None:
        if self._ended:
            return
        self._ended = True
        exchange = self._exchange
        exchange.tokens, exchange.source = self.usage.settle(whole=whole, request_bytes=exchange.bytes_in)


class TunnelAnswer(Answer):
    """An upgraded connection: its bytes pass at once, and a copy is read for what the responses cost."""

    __slots__ = ("_usage",)

    def __init__(self, exchange: Taker) -> None:
        super().__init__(exchange)
        self._usage = RealtimeUsage()

    def payload(self, data: bytes) -> None:
        """Bytes of the vendor's side."""
        self._exchange.write(data)
        self._usage.feed(data)

    def end(self) -> None:
        """The connection is over, by whomever: book what was stated."""
        self._exchange.tokens, self._exchange.source = self._usage.tokens, self._usage.source

    broken = end


class ErrorAnswer(Answer):
    """An error body, held until it is whole and then judged: ours to replace, or the caller's to read."""

    __slots__ = ("_body", "_reply")

    def __init__(self, exchange: Taker, reply: Reply) -> None:
        super().__init__(exchange)
        self._reply = reply
        self._body = b""

    def payload(self, data: bytes) -> None:
        """A piece of the error body."""
        self._body += data
        if len(self._body) > MAX_ERROR:
            self._exchange.fail(faults.UPSTREAM_ERROR_SIZE)

    def end(self) -> None:
        """Pass the body verbatim, unless it is about our credential or repeats it (docs/decisions/0001-bytes.md)."""
        exchange, reply, worker = self._exchange, self._reply, self._exchange.worker
        upstream, now = exchange.upstream, worker.clock()
        assert upstream is not None  # noqa: S101  it answered
        verdict = judge(
            upstream.vendor, reply.head.status, reply.fields(), self._body, now=now, wall=worker.epoch + now
        )
        if exchange.judged(verdict):
            return
        if about_credential(upstream.vendor, reply.head.status, self._body):
            exchange.fail(faults.UPSTREAM_CREDENTIAL)
        elif upstream.leaks(self._body) or upstream.leaks(reply.head.start) or upstream.leaks(reply.lines):
            exchange.fail(faults.UPSTREAM_SECRET)
        elif reply.head.encoded:
            exchange.fail(faults.UPSTREAM_ENCODED_ERROR)
        else:
            exchange.pass_error(reply, self._body)
