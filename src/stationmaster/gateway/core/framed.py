"""What an event stream of Bedrock's costs, and where it stands, from its frames as they pass. The same as `usage.StreamUsage` is
for server-sent events. May not know sockets.

InvokeModelWithResponseStream: `chunk` frames hold base64 of what the model's maker would stream, and the last one Bedrock's own
counts. ConverseStream: an event a frame, and `metadata` behind the last of the message (Bedrock Runtime, API reference).
"""

import base64
import binascii

import msgspec

from stationmaster.gateway.core import reread
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.eventstream import Frame
from stationmaster.gateway.core.lenient import REFUSED, loads, members, read
from stationmaster.gateway.core.stated import Counts, of_counts
from stationmaster.gateway.core.tokens import Source, Tokens
from stationmaster.gateway.core.usage import StreamUsage, settle

_METRICS = b'"amazon-bedrock-invocationMetrics"'
_TOTALS = ("inputTokenCount", "outputTokenCount")
_MESSAGES = b'"message_start"'


class _Chunk(msgspec.Struct):
    data: str = msgspec.field(name="bytes", default="")


_chunk = msgspec.json.Decoder(_Chunk).decode


class FrameUsage:
    """Reads usage off a stream's frames. `broken_off`: it began and may not end here. `deltas`: frames so far."""

    __slots__ = ("_began", "_ended", "_failed", "_inner", "_meter", "_tokens", "_unreadable", "deltas")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._inner: StreamUsage | None = None     # of a stream of Anthropic's events, once it is known to be one
        self._tokens: Tokens | None = None         # stated by Bedrock itself
        self._began = self._ended = self._failed = self._unreadable = False
        self.deltas = 0

    @property
    def broken_off(self) -> bool:
        """Whether the stream may not end here. Of makers whose streams we cannot read nobody knows."""
        return not self._ended and (self._began or (self._inner is not None and self._inner.broken_off))

    def see(self, frame: Frame) -> None:
        """Take one frame."""
        self.deltas += 1
        if frame.exception:
            self._ended = True      # the vendor said itself that this is the end
            self._failed = self._began or self._inner is not None
        elif self._meter is Meter.CONVERSE:
            self._see_converse(frame)
        elif self._meter is Meter.INVOKE and frame.event == "chunk":
            self._see_chunk(frame.payload)

    def _see_converse(self, frame: Frame) -> None:
        if frame.event == "messageStart":
            self._began = True
        elif frame.event == "messageStop":
            self._ended = True
        elif frame.event == "metadata":
            reading = reread.of_body(self._meter, frame.payload)
            self._tokens, self._unreadable = reading.tokens, reading.unreadable

    def _see_chunk(self, payload: bytes) -> None:
        try:
            data = base64.b64decode(_chunk(payload).data)
        except (*REFUSED, binascii.Error, ValueError):
            return
        if self._inner is None and data.find(_MESSAGES) >= 0:
            self._inner = StreamUsage(Meter.MESSAGES)
        inner = self._inner
        if inner is not None and inner.matters(data):
            inner.see(data)
        if data.find(_METRICS) >= 0:
            self._see_metrics(data)

    def _see_metrics(self, data: bytes) -> None:
        try:
            stated = members(loads(data)).get("amazon-bedrock-invocationMetrics")
        except (ValueError, RecursionError):
            return
        counts = read(Counts, stated, _TOTALS)
        self._tokens = of_counts(counts) if counts is not None else None
        self._unreadable = self._tokens is None

    def settle(self, *, whole: bool, request_bytes: int) -> tuple[Tokens | None, Source]:
        """What to book for the stream, ended `whole` or cut."""
        inner, whole = self._inner, whole and not self._failed
        if inner is not None and (inner.tokens is not None or self._tokens is None):
            inner.deltas = self.deltas
            return settle(Meter.MESSAGES, inner, whole=whole, request_bytes=request_bytes)
        if self._tokens is not None:
            return self._tokens, "upstream_final"
        if self._meter not in (Meter.CONVERSE, Meter.INVOKE) or (whole and not self._unreadable):
            return None, "none"
        return Tokens(input=request_bytes // 4, output=self.deltas), "estimated"
