"""The processes behind :class:`imgassets.vision.guard.GuardedPool`: a template and its forks.

The template is a fresh interpreter with one thread that imports what the task needs and then does
nothing but fork workers, so that replacing a worker costs milliseconds. A worker answers one
message of bytes after another until it is told to retire, fails, or its parent is gone.

Nothing here imports torch or polars.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any, Literal, NamedTuple, NoReturn

MEMORY_EXIT = 66
"""Exit code of a worker that had not even the memory to say so."""

_MIB = 2**20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
_PR_SET_PDEATHSIG = 1


class Assignment(NamedTuple):
    """What a template is started with: the arguments of ``GuardedPool``."""

    task: Callable[[bytes], Any]
    warm_up: Callable[[], object] | None
    memory_mib: int
    tasks_per_process: int


class Answer(NamedTuple):
    """A worker's answer to one message.

    Attributes:
        kind: whether ``value`` is the task's result, or one sentence about what went wrong.
        value: see ``kind``.
        retire: the worker has done its share or grown too large, and ends now.
    """

    kind: Literal["result", "memory", "error"]
    value: Any
    retire: bool


def send(connection: socket.socket, message: bytes) -> None:
    """Send one message of any length."""
    connection.sendall(len(message).to_bytes(8, "little"))
    connection.sendall(message)


def receive(connection: socket.socket) -> bytes:
    """Receive one message, into the one buffer that is returned.

    Raises:
        EOFError: the other side is gone.
    """
    size = _exactly(connection, 8)
    return _exactly(connection, int.from_bytes(size, "little"))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = connection.recv(size, socket.MSG_WAITALL) if size else b""
    if len(data) < size:
        raise EOFError
    return data


def serve_template(control_fd: int) -> NoReturn:
    """Import the task, then fork and bury workers as the parent asks, until the parent is gone.

    Requests are ``("fork", None)`` followed by the worker's end of its connection, answered by the
    pid, and ``("bury", pid)``, answered by the exit code once the worker is killed and reaped (a
    signal as its negative number). Only the template reaps, so a pid never means another process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = Connection(control_fd)
    parent = os.getppid()
    workers: set[int] = set()
    try:
        assignment = _receive_assignment(control)
        while _wait(control, parent):
            request, pid = control.recv()
            if request == "fork":
                connection_fd = recv_handle(control)
                pid = os.fork()
                if pid == 0:
                    control.close()
                    _work(socket.socket(fileno=connection_fd), assignment)
                os.close(connection_fd)
                workers.add(pid)
                control.send(pid)
            else:
                os.kill(pid, signal.SIGKILL)
                workers.discard(pid)
                control.send(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    except (EOFError, OSError):
        pass  # The parent is gone, or is about to find its end of the connection closed.
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _receive_assignment(control: Connection) -> Assignment:
    """Unpickle the task, which imports its modules, and warm up; tell the parent how it went."""
    message = control.recv_bytes()
    try:
        import cv2

        cv2.setNumThreads(1)
        # From the parent, which trusts itself; what comes back is read by `answers.read_answer`.
        assignment: Assignment = pickle.loads(message)  # noqa: S301
        if assignment.warm_up is not None:
            assignment.warm_up()
    except BaseException as error:
        control.send(f"{type(error).__name__}: {error}")
        raise EOFError from error
    control.send(None)
    return assignment


def _wait(control: Connection, parent: int) -> bool:
    """Wait for a request; False when the parent has ended.

    A process that the parent forked may hold a copy of its end of the connection, so its closing is
    not waited for alone.
    """
    while not control.poll(1.0):
        if os.getppid() != parent:
            return False
    return True


def _work(connection: socket.socket, assignment: Assignment) -> NoReturn:
    """Answer messages until the connection closes or the worker retires."""
    try:
        _confine(assignment.memory_mib)
        answer = Answer("result", None, False)
        tasks = 0
        while not answer.retire:
            data = receive(connection)
            tasks += 1
            answer = _attempt(assignment.task, data)
            del data
            if tasks >= assignment.tasks_per_process or _is_large(assignment.memory_mib // 2):
                answer = answer._replace(retire=True)
            send(connection, pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
    except MemoryError:
        os._exit(MEMORY_EXIT)
    except (EOFError, OSError):
        pass  # The parent is gone.
    finally:
        os._exit(0)


def _attempt(task: Callable[[bytes], Any], data: bytes) -> Answer:
    try:
        return Answer("result", task(data), False)
    except MemoryError as error:
        return Answer("memory", str(error) or "MemoryError", True)
    except Exception as error:
        # OpenCV has an exception of its own for every failure; its code -4 is "no memory".
        kind: Literal["memory", "error"] = "memory" if getattr(error, "code", 0) == -4 else "error"
        return Answer(kind, f"{type(error).__name__}: {error}", True)


def _confine(memory_mib: int) -> None:
    """Limit what this process may take, and cut what could disturb others.

    What a decoder allocates becomes resident, while libraries' mappings mostly do not: so the
    address space may grow by what is left of ``memory_mib`` beyond what is resident already.
    Measured with 512 MiB: of 573 MiB mapped at the start 86 are resident, and processes that ran
    into the limit had at most 481 MiB resident.
    """
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # C libraries write their warnings about broken files to the standard streams.
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size, resident = _memory_pages()
    if size:
        limit = size * _PAGE + max(0, memory_mib * _MIB - resident * _PAGE)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _is_large(mib: int) -> bool:
    """Tell whether more than this is resident; asks the kernel's peak first, which costs less."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    return peak > mib * _MIB and _memory_pages()[1] * _PAGE > mib * _MIB


def _memory_pages() -> tuple[int, int]:
    """Return this process's address space and resident memory in pages; zeros if not Linux."""
    try:
        with open("/proc/self/statm", "rb") as file:
            size, resident = file.read().split()[:2]
        return int(size), int(resident)
    except OSError:
        return 0, 0
