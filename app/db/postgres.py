"""The PostgreSQL programs of this machine: which there are, and as whom and where they run.

The data directory is handed to them as an open file descriptor (`-D /proc/self/fd/N`). The kernel then goes straight
to the directory without walking its parents, so that an unprivileged server works in a folder only root may enter;
docs/decisions/0002-embedded-cluster.md has the reasons and what was tried.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import ClusterError

# Debian, Ubuntu and PGDG's apt; Fedora and PGDG's yum; a build of one's own.
PROGRAM_DIRS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/usr/bin")
# Where a package of each kind above keeps its extensions, from the program directory.
EXTENSION_DIRS = ("../../../../share/postgresql/{major}/extension", "../share/extension", "../share/pgsql/extension")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class Installation:
    """One installed major version of PostgreSQL."""

    programs: Path
    major: int
    has_postgis: bool

    def program(self, name: str) -> str:
        """The absolute path of one of its programs."""
        return str(self.programs / name)


def find_installations(program_dirs: Iterable[str] = PROGRAM_DIRS) -> list[Installation]:
    """Every PostgreSQL server on this machine, newest first."""
    found: dict[int, Installation] = {}
    for pattern in program_dirs:
        for programs in Path("/").glob(pattern.lstrip("/")):
            major = _major(programs / "postgres")
            if major is not None and (programs / "initdb").exists():
                found.setdefault(major, Installation(programs, major, _has_postgis(programs, major)))
    return [found[major] for major in sorted(found, reverse=True)]


def _major(postgres: Path) -> int | None:
    if postgres.parent.parent.name.isdigit() and postgres.exists():
        return int(postgres.parent.parent.name)
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
        return int(answer.split()[2].split(".", maxsplit=1)[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def _has_postgis(programs: Path, major: int) -> bool:
    return any((programs / where.format(major=major) / "postgis.control").exists() for where in EXTENSION_DIRS)


def choose_installation(installations: Sequence[Installation], data_dir: Path, data_major: int | None) -> Installation:
    """The installation to use: the one that made the data, else the newest with PostGIS.

    Raises:
        ClusterError: there is none that fits.

    """
    if data_major is None:
        for installation in installations:
            if installation.has_postgis:
                return installation
        have = "PostGIS" if installations else "PostgreSQL server"
        major = installations[0].major if installations else "NN"
        raise ClusterError(f"no {have} on this machine; install it with: apt install postgresql-{major}-postgis-3")
    for installation in installations:
        if installation.major == data_major:
            if installation.has_postgis:
                return installation
            raise ClusterError(f"PostgreSQL {data_major} has no PostGIS here; {_advice(data_major)}")
    here = ", ".join(str(installation.major) for installation in installations) or "none"
    raise ClusterError(
        f"{data_dir} was made by PostgreSQL {data_major}, which is not installed here (found: {here});"
        f" {_advice(data_major)}"
    )


def _advice(major: int | str) -> str:
    return f"install it with: apt install postgresql-{major}-postgis-3"


@dataclass(frozen=True)
class ServerUser:
    """The operating-system account that owns the data and runs the server; never root."""

    uid: int
    gid: int
    name: str

    def run_options(self) -> dict[str, object]:
        """What subprocess needs to become this account (nothing when we are it already)."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_user(*candidates: Path) -> ServerUser:
    """Who runs the server: ourselves, or, when we are root, the first non-root owner among `candidates`, else postgres.

    Raises:
        ClusterError: the account has no name, or the machine has no account to fall back on.

    """
    if os.geteuid() != 0:
        return _named(os.geteuid())
    for path in candidates:
        if path.exists() and path.stat().st_uid != 0:
            return _named(path.stat().st_uid)
    for name in ("postgres", "nobody"):
        try:
            return _named(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise ClusterError("PostgreSQL must not run as root and there is no account postgres or nobody to run it as")


def _named(uid: int) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise ClusterError(f"PostgreSQL needs an account with a name, and uid {uid} has none in /etc/passwd") from None
    return ServerUser(uid, entry.pw_gid, entry.pw_name)


def run(command: Sequence[str], user: ServerUser, *, keep: Sequence[int] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program as `user` in a folder that everybody may enter; the descriptors in `keep` stay open in it."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(keep),
        cwd="/",
        env=ENVIRONMENT,
        **user.run_options(),
    )


def launch(command: Sequence[str], user: ServerUser, *, keep: Sequence[int], log: int) -> int:
    """Start a program that outlives us, in a session of its own (Ctrl-C must not reach it); returns its process id."""
    # The shell in between makes it nobody's child here: no zombie, and no exit status to collect.
    started = subprocess.run(  # type: ignore[call-overload]
        ["/bin/sh", "-c", '"$@" </dev/null >&2 & echo $!', "sh", *command],
        check=True,
        stdout=subprocess.PIPE,
        stderr=log,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=tuple(keep),
        cwd="/",
        env=ENVIRONMENT,
        umask=0o077,
        **user.run_options(),
    )
    return int(started.stdout)


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def works_in(pid: int, directory: os.stat_result) -> bool:
    """Whether the process is a live PostgreSQL server whose working directory is `directory`.

    A server changes into its data directory; this tells it from a process that merely got the same number later.
    """
    try:
        there = Path(f"/proc/{pid}/cwd").stat()
        name = Path(f"/proc/{pid}/comm").read_text(encoding="ascii", errors="replace").strip()
    except PermissionError:
        # Somebody else's process: the owner of the data and root can look into every server on it.
        return False
    except OSError:
        return False
    same = (there.st_dev, there.st_ino) == (directory.st_dev, directory.st_ino)
    return same and name.startswith(("postgres", "postmaster"))


def reason(output: str, where: Path) -> str:
    """The one line worth showing out of a program's or the server's output."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return f"the disk that holds {where} is full"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for mark in ("PANIC:", "FATAL:", "error:", "ERROR:"):
        for line in reversed(lines):
            if mark in line:
                return line.partition(mark)[2].strip()
    return lines[-1] if lines else "it said nothing"
