"""What the command line says of credentials: how one is got, which secret serves, what a job waits for and why it failed."""

from cli.nouns.kit import SECRET, Cli
from stationmaster.cli.waiting import Lines


def test_how_one_is_got(cli: Cli) -> None:
    """Without a vendor the vendors are listed; with one the steps end with the command that brings the key in. A key that is
    in hand already comes without steps."""
    assert "openai_compatible" in cli("credential", "guide").out
    assert "stationmaster credential paste NAME --vendor openai" in cli("credential", "guide", "openai").out
    good = cli("credential", "recognise", "--secret", "-", stdin=SECRET)
    assert "service account" not in good.out + good.err


def test_what_serves(cli: Cli) -> None:
    """The list has the number of the secret that serves, and none where there is none; another vendor's key is refused with what
    it was recognised as."""
    cli("credential", "create", "a", "--vendor", "openai", "--secret", "-", stdin=SECRET)
    assert "serves" in cli("credential", "list").out
    done = cli("credential", "create", "b", "--vendor", "anthropic", "--secret", "-", stdin=SECRET, code=1)
    assert "recognised as openai_project_key" in done.err
    assert SECRET not in done.out + done.err


class Desk:
    """A job's log, as a desk gives it."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []

    def log(self, _job: str, after: int) -> dict[str, list[dict[str, str]]]:
        """What was written behind a number."""
        return {"lines": self.lines[after:]}


def test_what_a_job_waits_for(capfd: object) -> None:
    """The last line of a job that stands still is said once, although it comes again with other seconds."""
    desk = Desk()
    lines = Lines(desk, "job_1")  # type: ignore[arg-type]
    for text in ("started", "later, in 1 s: no answer", "later, in 3 s: no answer", "later, in 3 s: no name"):
        desk.lines.append({"level": "info", "text": text})
        lines.tell({"left": 1, "lines": len(desk.lines)})
    said = capfd.readouterr().err  # type: ignore[attr-defined]
    assert said.count("no answer") == 1
    assert said.count("no name") == 1
