"""Fork server of libx265 encodes: ``python -m ffhybrid.x265.fork_server``, with a Unix socket as standard input.

x265 keeps its lambda tables in process globals, so two encoders with different tables cannot share a process. This one
has imported PyAV and never opens x265; for every job it forks a process that does, in milliseconds where a new
interpreter takes half a second. It has one thread, as a process that forks should.

A message on the socket is one byte with the file descriptors of a job: its channel, its leash, the file for x265's
log, the working directory. The forked process reads the job from the channel and writes its records back
(:func:`ffhybrid.x265.worker.write_record`); the server writes the exit code to the leash. A leash whose other end
closes kills what was forked, and the end of the socket kills all of them: nothing outlives who asked for it.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

from ffhybrid.x265.worker import EXIT_CODE, X265Job, encode

DESCRIPTORS = 4


class ForkServer:
    """Serves one socket until its other end closes; one for a process."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._leashes: dict[int, socket.socket] = {}
        """By process."""
        self._deaths, wakeup = socket.socketpair()
        wakeup.setblocking(False)
        self._wakeup = wakeup
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup.fileno())
        # Ctrl-C ends encodes, as it ends every process of the terminal; what else it ends the parent decides.
        self._on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._selector = selectors.DefaultSelector()
        for source in (self._control, self._deaths):
            self._selector.register(source, selectors.EVENT_READ)

    def serve(self) -> None:
        """Fork a process for every message; kill those that are left when there can be no more."""
        is_open = True
        while is_open:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    is_open = self._accept()
                elif key.fileobj is self._deaths:
                    self._reap()
                else:
                    self._kill(key.data)
        for pid in self._leashes:
            os.kill(pid, signal.SIGKILL)

    def _accept(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, DESCRIPTORS)
        try:
            if len(descriptors) == DESCRIPTORS:  # fewer where this process may open no more files
                self._fork(*descriptors)
        except OSError:
            traceback.print_exc()  # the parent finds its ends closed
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return bool(message)

    def _fork(self, channel: int, leash: int, log: int, directory: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._let_go()
            os.close(leash)
            _run(channel, log, directory)
        self._leashes[pid] = socket.socket(fileno=os.dup(leash))
        self._selector.register(self._leashes[pid], selectors.EVENT_READ, pid)

    def _let_go(self) -> None:
        """Leave in a forked process what is its parent's and other encodes'."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if self._on_interrupt is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._selector.close()
        for end in (self._control, self._deaths, self._wakeup, *self._leashes.values()):
            end.close()

    def _kill(self, pid: int) -> None:
        """End an encode that nobody waits for any more; it may have ended a moment ago."""
        if pid in self._leashes:
            self._selector.unregister(self._leashes[pid])
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Tell exit codes of encodes that are over."""
        self._deaths.recv(4096)
        while self._leashes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self._leashes.pop(pid) as leash:
                with suppress(KeyError):  # not there any more where it was killed
                    self._selector.unregister(leash)
                with suppress(OSError):  # nobody waits for it
                    leash.send(EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))


def _run(channel: int, log: int, directory: int) -> NoReturn:
    """Run the job that comes through the channel in a forked process, and end that without the parent's clean-up."""
    exit_code = 1
    try:
        os.dup2(log, sys.stderr.fileno())
        os.fchdir(directory)
        with open(channel, "rb", closefd=False) as source, open(channel, "wb", closefd=False) as answer:
            encode(X265Job.from_json(source.read()), answer)
        exit_code = 0
    except BaseException:  # as an interpreter does with what nobody catches
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(exit_code)


def main() -> None:
    """Serve the process that started this one, from the root folder, so that no other is held."""
    os.chdir("/")
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as control:
        os.close(sys.stdin.fileno())
        ForkServer(control).serve()


if __name__ == "__main__":
    main()
