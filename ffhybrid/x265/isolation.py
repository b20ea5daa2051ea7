"""Isolated libx265 encodes: each in a process of its own, forked from one that waits (``fork_server``)."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ffhybrid.errors import EncoderError
from ffhybrid.x265.worker import EXIT_CODE, EXTRADATA, X265Job, read_records

LOG = "x265.log"

_on_frame: ContextVar[Callable[[int], None] | None] = ContextVar("on_frame", default=None)


@contextmanager
def watched(on_frame: Callable[[int], None] | None) -> Iterator[None]:
    """Have ``on_frame`` told how many frames are done, in encodes of this thread, after each of them."""
    token = _on_frame.set(on_frame)
    try:
        yield
    finally:
        _on_frame.reset(token)


@dataclass(frozen=True, slots=True)
class IsolatedEncode:
    """What an encode gave: extradata and packets by their frames' numbers, and what it said on standard error.

    ``exit_code`` is that of its process, negative where a signal ended it.
    """

    exit_code: int
    records: tuple[tuple[int, bytes], ...]
    log: str


class IsolatedEncoder:
    """Runs encodes for any number of threads; its server starts with the first one, and again where it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, job: X265Job, directory: Path) -> IsolatedEncode:
        """Encode in a working directory, which gets a file :data:`LOG`; an exception here kills the process.

        Raises:
            EncoderError: the server died, or does not start; a process that did not fail gave half an answer.
        """
        with ExitStack() as stack:
            channel, its_channel, leash, its_leash = map(
                stack.enter_context, (*socket.socketpair(), *socket.socketpair())
            )
            self._start(its_channel, its_leash, directory)
            records: list[tuple[int, bytes]] = []
            broken = ""
            with suppress(BrokenPipeError, ConnectionResetError):  # the exit code tells
                channel.sendall(job.to_json().encode())
                channel.shutdown(socket.SHUT_WR)
                with channel.makefile("rb") as answer:
                    broken = _read(answer, records)
            exit_code = leash.recv(EXIT_CODE.size)
        if not exit_code:
            raise EncoderError("the fork server of x265 died")
        code = EXIT_CODE.unpack(exit_code)[0]
        if broken and code == 0:
            raise EncoderError(f"x265's process broke off: {broken}")
        log = (directory / LOG).read_text(errors="replace")
        return IsolatedEncode(code, tuple(records), log)

    def close(self) -> None:
        """End the server, and all encodes with it."""
        with self._lock:
            self._close()

    def forget(self) -> None:
        """Leave the server to the process that this one was forked from."""
        if self._control is not None and self._server is not None:
            self._control.close()
            self._server.returncode = 0  # it is not this process's child, which Popen would ask about
        self._lock, self._control, self._server = threading.Lock(), None, None

    def _start(self, channel: socket.socket, leash: socket.socket, directory: Path) -> None:
        """Have a process forked that holds these ends; nobody else does then."""
        folder = os.open(directory, os.O_RDONLY)
        try:
            with channel, leash, (directory / LOG).open("wb") as log:
                self._send((channel.fileno(), leash.fileno(), log.fileno(), folder))
        finally:
            os.close(folder)

    def _send(self, descriptors: Sequence[int]) -> None:
        with self._lock:
            for _ in range(2):  # the server may have died since it was last used
                with suppress(BrokenPipeError, ConnectionResetError):
                    socket.send_fds(self._connected(), [b"\0"], descriptors)
                    return
                self._close()
        raise EncoderError("the fork server of x265 ends as soon as it is started")

    def _connected(self) -> socket.socket:
        if self._server is not None and self._server.poll() is not None:
            self._close()
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._server = subprocess.Popen(
                    [sys.executable, "-P", "-m", "ffhybrid.x265.fork_server"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    # NumPy's OpenBLAS would start threads when it is imported.
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                )
        return self._control

    def _close(self) -> None:
        if self._control is not None and self._server is not None:
            self._control.shutdown(socket.SHUT_RDWR)  # whoever else holds a copy of it
            self._control.close()
            self._server.wait()
        self._control, self._server = None, None


def _read(answer: BinaryIO, records: list[tuple[int, bytes]]) -> str:
    """Collect records, and tell of their frames as they come; returns how the answer broke off, if it did."""
    tell = _on_frame.get()
    try:
        for index, data in read_records(answer):
            records.append((index, data))
            if index != EXTRADATA and tell:
                tell(len(records) - 1)
    except ValueError as error:
        return str(error)
    return ""


encoder = IsolatedEncoder()
"""That of this process."""
atexit.register(encoder.close)
os.register_at_fork(after_in_child=encoder.forget)
