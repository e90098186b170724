"""The table of results in docs/clients.md. Owns: what a row says, and the place between the markers."""

import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime

from clients.desk import Client
from clients.guide import PAGE

_BEGIN, _END = "<!-- results: written by `make test-clients` -->", "<!-- end of results -->"
_HEADER = "| client | version | what ran | result | notes | date (UTC) |\n|---|---|---|---|---|---|\n"


@dataclass
class Row:
    """One client's results so far; what ran by its line in the test file."""

    client: Client
    ran: dict[int, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)

    def line(self, today: str) -> str:
        """The row as Markdown."""
        result = f"**failed:** {', '.join(sorted(self.failed))}" if self.failed else "passed"
        if self.left_out:
            result += f"; left out: {', '.join(sorted(self.left_out))}"
        cells = (
            f"{self.client.name} (`{self.client.package}`)",
            self.client.version,
            "; ".join(self.ran[line] for line in sorted(self.ran)),
            result,
            "; ".join(sorted(self.notes)),
            today,
        )
        return f"| {' | '.join(cells)} |\n"


def write(rows: list[Row], offline: bool) -> None:
    """Put the table into the page."""
    today = datetime.now(UTC).date().isoformat()
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    network = "on a network of its own with nothing but loopback" if offline else "on the machine's own network"
    where = f"Ran with Node {node} on {platform.system()} {platform.machine()}, {network}.\n"
    table = _HEADER + "".join(row.line(today) for row in sorted(rows, key=lambda row: row.client.name.lower()))
    page = PAGE.read_text()
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert end, f"{PAGE.name} lacks the markers of the results"
    PAGE.write_text(f"{before}{_BEGIN}\n\n{where}\n{table}\n{_END}{after}")
