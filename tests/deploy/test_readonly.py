"""What containers and units do to the processes, done by the kernel: a root that cannot be written to, no capability."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

import certificates
from gateway import kit, station

# Everything is read-only but the data folder and a /tmp of its own; who runs it can become nobody else.
_SCRIPT = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro /
case "$2" in *" /tmp "*) mount -t tmpfs -o size=64m tmpfs /tmp;; esac
for place in $2; do [ $place = /tmp ] || mount -t tmpfs -o ro tmpfs $place; done
shift 2
exec setpriv --no-new-privs --bounding-set -all --inh-caps -all --ambient-caps -all -- "$@"
"""


def _places() -> str:
    """What is hidden: the places that anybody may write to, but for one that this checkout or its Python lies in."""
    needed = [Path(each).resolve() for each in (sys.prefix, sys.base_prefix, __file__)]
    found = [place for place in ("/tmp", "/dev/shm", "/var/tmp", "/run")  # noqa: S108  hidden, not used
             if not any(each.is_relative_to(place) for each in needed)]  # fmt: skip
    return f" {' '.join(found)} "


def _may() -> bool:
    """Whether this machine lets us make a view of the file system of our own."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _may(), reason="mount namespaces are root's")
def test_everything_runs_on_a_root_that_cannot_be_written_to() -> None:
    """Both planes, a worker of jobs and TLS, with nothing but the data folder and /tmp to write to; `ready` and SIGTERM work."""
    folder = Path(station.__file__).parents[2] / ".cache" / f"readonly-{os.getpid()}"      # of a file system that stays in sight
    folder.mkdir(mode=0o700, parents=True)
    try:
        _run(folder)
    finally:
        shutil.rmtree(folder)


def _run(folder: Path) -> None:
    pair = certificates.files(folder, trustme.CA().issue_cert("127.0.0.1"))
    ports = [station.free_port() for _ in range(2)]
    (folder / "stationmaster.toml").write_text(f"[gateway]\n{pair.settings}\n")
    own = [sys.executable, "-m", "stationmaster"]
    command = [
        "unshare", "--mount", "sh", "-ec", _SCRIPT, "sh", str(folder), _places(), *own, "up", "--data", str(folder / "data"),
        "--port", str(ports[0]), "--console-port", str(ports[1]), "--metrics-port", "0",
    ]  # fmt: skip
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C", "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=said, stderr=said)

    def begun() -> bool:
        text = (folder / "said").read_text()
        assert process.poll() is None, text
        return "Open this link" in text

    try:
        kit.wait_for(begun, within=90)
        for url in (f"https://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"):
            asked = [*own, "ready", url, "--certificate", str(pair.chain)]
            assert subprocess.run(asked, capture_output=True, check=False).returncode == 0
        assert not {path.name for path in folder.iterdir()} - {"data", "said", "chain.pem", "key.pem", "stationmaster.toml"}
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(60)
        finally:
            process.kill()
    assert code == 0
