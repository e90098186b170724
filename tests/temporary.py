"""Where tests write: into memory where the system has a folder for that (Linux: /dev/shm), which costs a fraction of a disk.

No test is about what a power cut leaves. What a killed process leaves is the same in both.
"""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  the folder itself is not written to under a name that others could guess
_ENOUGH = 2 << 30           # bytes; containers often get 64 MB by default


def use_memory() -> None:
    """Have this process, and those that it starts, make their temporary files in memory, if there is room for them and
    programs may be run from there. Who sets TMPDIR, and the long tests, keep what they have."""
    if "TMPDIR" not in os.environ and "SOAK" not in os.environ and _fits(_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def shared() -> str:
    """A folder in which other users of this machine can reach what is made for them."""
    return str(_MEMORY) if tempfile.gettempdir() == str(_MEMORY) else "/tmp"  # noqa: S108


def _fits(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    return shutil.disk_usage(folder).free >= _ENOUGH and not os.statvfs(folder).f_flag & os.ST_NOEXEC
