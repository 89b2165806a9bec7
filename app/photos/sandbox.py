"""Decoding in a process of its own: bounded memory, bounded time, and nothing of ours to break.

It costs a start of Python (about 0.1 s a picture). In return a decoder that is made to crash, to hang or to eat memory
ends one upload with a clear message instead of ending a web worker with everybody's requests.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from app.photos import decode as script
from app.photos.decode import REFUSED_STATUS, Area, Picture, PictureError, read_answer, write_request

TIMEOUT_S = 40.0
WAIT_S = 30.0
# One at a time in each web process: pictures must not take the memory and the cores from everybody else.
_turn = threading.BoundedSemaphore(1)


class SandboxBusyError(Exception):
    """Other pictures are being worked on; worth another try soon."""


def decode(raw: bytes) -> Picture:
    """app.photos.decode.decode, at arm's length.

    Raises:
        PictureError: the bytes are refused; a decoder that died or took too long is `broken`.
        SandboxBusyError: no turn within half a minute.

    """
    return _run(write_request("decode", (), raw))


def cover(jpeg: bytes, areas: tuple[Area, ...], mode: str) -> Picture:
    """app.photos.decode.cover, at arm's length.

    Raises:
        PictureError, SandboxBusyError

    """
    return _run(write_request(mode, areas, jpeg))


def _run(order: bytes) -> Picture:
    if not _turn.acquire(timeout=WAIT_S):
        raise SandboxBusyError
    try:
        # -I: neither environment nor current folder decides what is imported.
        done = subprocess.run(
            [sys.executable, "-I", str(Path(script.__file__).resolve())],
            input=order,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd="/",
            env={"LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        raise PictureError("broken") from None
    finally:
        _turn.release()
    if done.returncode == REFUSED_STATUS:
        raise PictureError(done.stdout.decode())
    if done.returncode != 0:
        raise PictureError("broken")
    return read_answer(done.stdout)
