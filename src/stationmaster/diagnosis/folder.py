"""The data folder: its rights, the key ring in it, and the file system under SQLite. Reads names and modes, no contents."""

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from stationmaster.diagnosis.finding import Finding, broken, fine
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn
from stationmaster.store.database import SQLITE_FILE
from stationmaster.vault import keyring

_OTHERS = 0o077
# Where SQLite's locks, or the memory that its write-ahead log shares between processes, cannot be relied on
# (sqlite.org/wal.html, "All processes using a database must be on the same host computer").
_NETWORK = re.compile(r"nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|9p|ceph|lustre|gfs2?|ocfs2|beegfs|glusterfs|virtiofs|vboxsf"
                      r"|fuse\.(sshfs|glusterfs|cephfs|s3fs|gcsfuse|rclone|grpcfuse|osxfs|vmhgfs-fuse)")


def rights(folder: Path) -> Finding:
    """Whether the data folder is its owner's alone (0700), and every file in it (0600)."""
    if not folder.exists():
        return fine("data_folder", tr("{folder} does not exist yet; the first start makes it", folder=folder))
    if not folder.is_dir():
        fix = tr("name another place with data.dir, or move the file away")
        return broken("data_folder", tr("{folder} is not a folder", folder=folder), fix)
    if _mode(folder) & _OTHERS:
        what = tr("others on this machine may look into {folder}", folder=folder)
        return broken("data_folder", what, f"chmod 700 {folder}")
    if open_ := sorted(path for path in folder.rglob("*") if _is_open(path)):
        what = trn("others may read {first}", "others may read {number} files in the data folder, {first} first",
                   len(open_), first=open_[0])
        return broken("data_folder", what, f"find {folder} -type f -exec chmod 600 {{}} +")
    return fine("data_folder", tr("{folder} is its owner's alone", folder=folder))


def closed(id_: str, path: Path, error: OSError) -> Finding:
    """The system does not even let us look."""
    what = tr("{path} cannot be looked into: {why}", path=path, why=error.strerror)
    return broken(id_, what, tr("run this as the user that Stationmaster runs as, or name another place with data.dir"))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def _is_open(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:  # gone meanwhile
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & _OTHERS)


def key_ring(folder: Path, environ: Mapping[str, str]) -> Finding:
    """Whether the master keys can be read, and by their owner alone."""
    if not has_ring(folder, environ):
        if _has_database(folder):
            what = tr("the database holds secrets, and there is no key ring that opens them")
            return broken("key_ring", what, tr("bring the key ring back from its copy"))
        return fine("key_ring", tr("there is no key ring yet; the first start makes it"))
    try:
        ring = keyring.load(folder, environ)
    except StationmasterError as error:
        return broken("key_ring", error.message, error.hint or tr("bring the key ring back from its copy"))
    return fine("key_ring", tr("the key ring has {number} keys, from {source}", number=len(ring.ids), source=ring.source))


def has_ring(folder: Path, environ: Mapping[str, str]) -> bool:
    """Whether there are master keys already. Only then may they be loaded: loading makes them otherwise."""
    given = any(environ.get(name) for name in (keyring.VARIABLE, f"{keyring.VARIABLE}_FILE"))
    return given or (folder / keyring.FILE_NAME).exists()


def _has_database(folder: Path) -> bool:
    file = folder / SQLITE_FILE
    return file.exists() and file.stat().st_size > 0


def file_system(path: Path, mounts: str) -> Finding:
    """Whether SQLite's file at `path` is on a file system of this machine. `mounts` is the text of /proc/self/mountinfo;
    empty where the system has none, and then it cannot be told."""
    if not mounts:
        return fine("file_system", tr("which file system {path} is on cannot be told on this system", path=path))
    kind = _kind(path.absolute(), mounts)
    if _NETWORK.fullmatch(kind):
        what = tr("SQLite is on {kind}, where its locks cannot be relied on: data may be lost", kind=kind)
        return broken("file_system", what, tr("move the data folder to a local disk, or use PostgreSQL"))
    return fine("file_system", tr("SQLite is on a local file system ({kind})", kind=kind))


def _kind(path: Path, mounts: str) -> str:
    """The type of the file system that `path` is on: that of the longest mount point above it, the latest of equals."""
    best: tuple[int, str] = (-1, "")
    for point, kind in _mounted(mounts):
        if path.is_relative_to(point) and len(point.parts) >= best[0]:
            best = (len(point.parts), kind)
    return best[1]


def _mounted(mounts: str) -> Iterator[tuple[Path, str]]:
    """Mount points and types (proc_pid_mountinfo(5): the fifth field, and the one behind the dash)."""
    for line in mounts.splitlines():
        before, dash, behind = line.partition(" - ")
        fields = before.split()
        if dash and len(fields) > 4:
            yield Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4])), behind.split()[0]
