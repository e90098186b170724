"""Whether a credential for inference works. Owns: the verdict over one cheap answer, alike for every vendor.

By the code in the body first, then the status: being limited proves a credential valid, a vendor's own fault proves nothing.
"""

from collections.abc import Mapping, Sequence

from stationmaster.line.errors import Transient
from stationmaster.line.line import Line
from stationmaster.line.meaning import Complaint
from stationmaster.line.wire import Answer, Call
from stationmaster.vendors._base import Probe

_LIMITED = 429
_WORDS = {
    400: "the vendor refuses the request",
    401: "the vendor does not know this credential",
    402: "the vendor wants to be paid first",
    403: "the credential is known and may not do this",
    404: "there is no list of models at this address",
    429: "valid, and limited for the moment",
}


def probe(line: Line, path: str, params: Mapping[str, str] | None = None, *, organisation: Sequence[str] = ()) -> Probe:
    """The verdict over GET `path` (a list of models). `organisation`: headers that may name it. Raises `Transient` when nobody
    answered, or the vendor itself failed."""
    return judge(line, path, line.look("GET", path, params=params), organisation=organisation)


def judge(line: Line, path: str, answer: Answer, *, organisation: Sequence[str] = ()) -> Probe:
    """The verdict over an answer. Raises `Transient` when the vendor itself failed."""
    if 200 <= answer.status < 300:
        named = next((answer.headers[name] for name in organisation if name in answer.headers), "")
        return _listed(line, answer.body, line.say(named))
    complaint = line.complaint(Call("GET", path), answer)
    if complaint.status >= 500 or complaint.status == 408:
        raise Transient(complaint.message, request_id=complaint.request_id)
    return verdict(complaint)


def verdict(complaint: Complaint) -> Probe:
    """What an error answer says of the credential."""
    words = complaint.said.words or _WORDS.get(complaint.status, complaint.message)
    return Probe(ok=complaint.status == _LIMITED, code=complaint.code, words=words)


def _listed(line: Line, body: bytes, organisation: str) -> Probe:
    """A list of models is JSON; a portal's log-in page with status 200 is no proof of anything."""
    if body.lstrip()[:1] not in (b"{", b"["):
        return Probe(ok=False, code="no_json", words=line.say("what answers there is no list of models"))
    return Probe(ok=True, organisation=organisation)
