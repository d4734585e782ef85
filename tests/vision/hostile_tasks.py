"""Tasks that do to their process what broken files do to decoders; workers import this module."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

import numpy as np

from imgassets.vision.decode import Undecodable, decode

_kept = []


def misbehave(data: bytes) -> object:
    match data:
        case b"hang":
            while True:
                time.sleep(1)
        case b"segfault":
            ctypes.string_at(0)
        case b"exit":
            os._exit(3)
        case b"allocate":
            while True:
                _kept.append(np.ones(2**22, np.uint8))
        case b"raise":
            raise KeyError("absent")
        case b"keep 200 MiB":
            _kept.append(np.ones(200 * 2**20, np.uint8))
    return os.getpid(), data


class Command:
    """What a taken-over process would answer: unpickled, it runs a command."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self._command,)


def answer_by_a_command(data: bytes) -> object:
    return Command(f"touch {data.decode()}") if data != b"well" else "well"


def fail_when_used(data: bytes) -> int:
    """Kill the process at its second message, as a decoder would that the first one corrupted."""
    if _kept:
        os.abort()
    _kept.append(None)
    return len(data)


def describe_process(data: bytes) -> dict[str, object]:
    os.write(2, b"decoder: warning about a broken file\n")
    return {
        "pid": os.getpid(),
        "template": os.getppid(),
        "modules": sorted({"torch", "polars", "duckdb", "dagster"} & set(sys.modules)),
        "threads": len(os.listdir("/proc/self/task")),
        "interrupt": str(signal.getsignal(signal.SIGINT)),
        "main": sys.modules["__main__"].__dict__.get("__file__"),
    }


def decode_measured(data: bytes) -> tuple[tuple[int, ...] | tuple[str, ...], int]:
    """Return the decoded shape or the refusal's four parts, and the process's peak RSS in MiB."""
    try:
        found = decode(data).shape
    except Undecodable as refusal:
        found = (refusal.rule_id, refusal.measured, refusal.limit, refusal.detail)
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return found, peak // 1024
