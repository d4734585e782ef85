"""Running a task on hostile bytes in processes that may fail, hang or eat memory.

No PyPI library fits: Pebble (a deadline per task) is LGPL; loky, billiard and the standard
library's pools lose every task in flight, or the whole pool, with one dead worker, and none limits
memory. So this is what those leave out: a worker per task in flight, killed and replaced when it
breaks a limit, forked from a clean template (:mod:`imgassets.vision.worker`) because the calling
process has threads and may hold torch. ``__main__`` is never imported again, so scripts need no
guard.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import send_handle
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from imgassets.vision.answers import read_answer
from imgassets.vision.worker import MEMORY_EXIT, Answer, Assignment, receive, send

R = TypeVar("R")

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Libraries that would start threads when imported; a process with threads cannot fork safely."""


_SOCKET_BUFFER = 2**20
"""Bytes: most messages fit, so that neither side wakes the other more than once."""

_SERVE = """
import sys
sys.path[:] = sys.argv[2:]
from imgassets.vision.worker import serve_template
serve_template(int(sys.argv[1]))
"""


class WorkerLimits(NamedTuple):
    """What one worker process may take.

    Attributes:
        seconds: wall-clock time of one task.
        memory_mib: resident memory in MiB, the interpreter and its libraries included.
        tasks_per_process: a worker is replaced after that many tasks, and as soon as it keeps more
            than half of ``memory_mib`` after one.
    """

    seconds: float
    memory_mib: int
    tasks_per_process: int = 1000


class WorkerFailure(NamedTuple):
    """A task that took its worker down or broke a limit.

    Attributes:
        rule_id: ``decode_timeout``, ``decode_memory`` or ``decode_crashed``.
        measured: what was found.
        limit: what is allowed.
        detail: one sentence for a person.
    """

    rule_id: str
    measured: str
    limit: str
    detail: str


class _Worker(NamedTuple):
    pid: int
    connection: socket.socket


class _Template:
    """The process that workers are forked from, started again should it ever die."""

    def __init__(self, assignment: Assignment) -> None:
        self._message = pickle.dumps(assignment)
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    def fork(self) -> _Worker:
        """Return a new worker.

        Raises:
            RuntimeError: the task cannot be imported in a fresh process, or the pool is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool of decoding processes is closed")
            try:
                return self._fork()
            except (OSError, EOFError):
                self._stop()
                self._start()
                return self._fork()

    def bury(self, worker: _Worker) -> int | None:
        """Kill a worker if it still runs; return its exit code, a signal as a negative number."""
        with self._lock, contextlib.suppress(OSError, EOFError):
            worker.connection.close()
            self._control.send(("bury", worker.pid))
            return self._control.recv()
        return None  # The template is dead, and its workers with it.

    def close(self) -> None:
        """End the template and all its workers."""
        with self._lock:
            self._closed = True
            self._stop()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(theirs.fileno()), *sys.path],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | _ONE_THREAD,
                # Ctrl-C is for the parent to handle.
                start_new_session=True,
            )
        self._control = Connection(ours.detach())
        self._control.send_bytes(self._message)
        self._ready = False

    def _fork(self) -> _Worker:
        if not self._ready:
            problem = self._control.recv()
            if problem is not None:
                raise RuntimeError(f"decoding processes cannot start: {problem}")
            self._ready = True
        ours, theirs = socket.socketpair()
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
            self._control.send(("fork", None))
            send_handle(self._control, theirs.fileno(), self._process.pid)
            return _Worker(self._control.recv(), ours)

    def _stop(self) -> None:
        self._control.close()
        self._process.wait()


class GuardedPool(Generic[R]):
    """A fixed number of worker processes that run one task on bytes that nobody trusts.

    Args:
        task: a top-level function of an importable module, or a ``functools.partial`` of one. What
            it returns must be picklable; refusals are values, an exception is a crash.
        workers: processes, and so calls that run at the same time.
        limits: what each process may take.
        warm_up: likewise top-level; run once before the first task, outside its limits, for what
            all workers then inherit (compiled code, tables).
    """

    def __init__(
        self,
        task: Callable[[bytes], R],
        workers: int,
        limits: WorkerLimits,
        warm_up: Callable[[], object] | None = None,
    ) -> None:
        self._limits = limits
        self._template = _Template(
            Assignment(task, warm_up, limits.memory_mib, limits.tasks_per_process)
        )
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(None)

    def __enter__(self) -> GuardedPool[R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes; calls that are under way fail."""
        self._template.close()

    def start(self) -> None:
        """Start a worker now, which takes seconds the first time; the next call finds it.

        Raises:
            RuntimeError: the task cannot be imported in a fresh process, or the pool is closed.
            OSError: no process can be started.
        """
        worker = self._idle.get()
        try:
            worker = worker or self._template.fork()
        finally:
            self._idle.put(worker)

    def call(self, data: bytes) -> R | WorkerFailure:
        """Run the task on one message in the next free worker; blocks, thread-safe.

        A worker that earlier messages have been through may fail because of them, so only the
        failure of a fresh worker counts: a crash or a lack of memory is tried once more in one.

        Raises:
            RuntimeError: the task cannot be imported in a fresh process, or the pool is closed.
            OSError: no process can be started.
        """
        idle = self._idle.get()
        used = idle is not None
        try:
            while True:
                # An interrupt during the exchange must not leave a busy worker among the idle.
                worker, idle = idle or self._template.fork(), None
                outcome, idle = self._exchange(worker, data)
                failed = isinstance(outcome, WorkerFailure) and outcome.rule_id != "decode_timeout"
                if not (failed and used):
                    return outcome
                used = False
        finally:
            self._idle.put(idle)

    def _exchange(self, worker: _Worker, data: bytes) -> tuple[R | WorkerFailure, _Worker | None]:
        """Return the outcome, and the worker if it can go on."""
        try:
            send(worker.connection, data)
            if not wait([worker.connection], self._limits.seconds):
                self._template.bury(worker)
                return self._timeout(), None
            answer: Answer = read_answer(receive(worker.connection))
        except (EOFError, OSError, pickle.UnpicklingError):
            return self._death(self._template.bury(worker)), None
        if answer.retire:
            self._template.bury(worker)
        return self._outcome(answer), None if answer.retire else worker

    def _outcome(self, answer: Answer) -> R | WorkerFailure:
        match answer.kind:
            case "result":
                result: R = answer.value
                return result
            case "memory":
                return self._memory(answer.value)
            case _:
                return _crash(answer.value)

    def _timeout(self) -> WorkerFailure:
        return WorkerFailure(
            "decode_timeout",
            f"no answer after {self._limits.seconds:g} s",
            f"≤ {self._limits.seconds:g} s",
            "Decoding the file took too long; its process was ended.",
        )

    def _memory(self, measured: str) -> WorkerFailure:
        return WorkerFailure(
            "decode_memory",
            measured[:200],
            f"≤ {self._limits.memory_mib} MiB",
            "Decoding the file needs more memory than a process may take.",
        )

    def _death(self, exit_code: int | None) -> WorkerFailure:
        if exit_code == MEMORY_EXIT:
            return self._memory("MemoryError")
        if exit_code is None:
            return _crash("the process vanished")
        if exit_code < 0:
            return _crash(f"the process died of {signal.Signals(-exit_code).name}")
        return _crash(f"the process ended with exit code {exit_code}")


def _crash(measured: str) -> WorkerFailure:
    return WorkerFailure(
        "decode_crashed",
        measured[:200],
        "an answer",
        "The decoder failed on the file in a way it should not; its process was replaced.",
    )
