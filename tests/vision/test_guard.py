"""Workers that hang, crash or eat memory: each real, none takes anything else down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from tests.vision import hostile_tasks
from tests.vision.hostile_tasks import describe_process, fail_when_used, misbehave

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits of memory are Linux's"
)
LIMITS = WorkerLimits(seconds=30.0, memory_mib=256)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 20
    while any(runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(runs(pid) for pid in pids)


@pytest.mark.parametrize(
    ("message", "seconds", "rule_id", "measured"),
    [
        (b"hang", 0.5, "decode_timeout", "no answer after 0.5 s"),
        (b"segfault", 30.0, "decode_crashed", "the process died of SIGSEGV"),
        (b"exit", 30.0, "decode_crashed", "the process ended with exit code 3"),
        (b"raise", 30.0, "decode_crashed", "KeyError: 'absent'"),
        (b"allocate", 30.0, "decode_memory", "Unable to allocate"),
    ],
)
def test_each_failure_is_typed_and_the_next_message_served(
    message, seconds, rule_id, measured
) -> None:
    with GuardedPool(misbehave, 1, WorkerLimits(seconds, 256)) as pool:
        first, _ = pool.call(b"fine")
        failure = pool.call(message)
        assert isinstance(failure, WorkerFailure)
        assert failure.rule_id == rule_id
        assert measured in failure.measured
        assert failure.limit
        assert failure.detail.endswith(".")
        second, echoed = pool.call(b"fine again")
        assert echoed == b"fine again"
        assert second != first
        assert wait_until_gone([first])


def test_workers_are_clean_quiet_and_single_threaded(capfd) -> None:
    with GuardedPool(describe_process, 1, LIMITS) as pool:
        seen = pool.call(b"")
        assert not isinstance(seen, WorkerFailure), seen
        assert seen["modules"] == []
        assert seen["threads"] == 1
        assert seen["interrupt"] == str(signal.SIG_IGN)
        assert seen["main"] is None, "the running script must not be imported again"
        os.kill(seen["pid"], signal.SIGINT)
        assert pool.call(b"")["pid"] == seen["pid"]
    assert wait_until_gone([seen["pid"], seen["template"]])
    assert "warning" not in capfd.readouterr().err


def test_many_threads_share_the_workers() -> None:
    messages = [(b"segfault", b"exit")[k % 2] if k % 5 == 0 else b"%d" % k for k in range(60)]
    with GuardedPool(misbehave, 3, LIMITS) as pool, ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(pool.call, messages))
    for message, outcome in zip(messages, outcomes, strict=True):
        if message in (b"segfault", b"exit"):
            assert outcome.rule_id == "decode_crashed"
        else:
            assert outcome[1] == message
    assert len({o[0] for o in outcomes if not isinstance(o, WorkerFailure)}) >= 3


def test_workers_are_replaced_after_their_share_of_tasks() -> None:
    with GuardedPool(misbehave, 1, WorkerLimits(30.0, 256, tasks_per_process=3)) as pool:
        pids = [pool.call(b"fine")[0] for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_a_worker_that_stays_large_is_replaced() -> None:
    with GuardedPool(misbehave, 1, WorkerLimits(30.0, 320)) as pool:
        small, large = pool.call(b"fine")[0], pool.call(b"keep 200 MiB")[0]
        assert small == large
        assert pool.call(b"fine")[0] != large


def test_what_a_used_worker_does_is_tried_again_in_a_fresh_one() -> None:
    with GuardedPool(fail_when_used, 1, LIMITS) as pool:
        assert [pool.call(bytes(n)) for n in range(4)] == [0, 1, 2, 3]


def test_large_messages_and_none_at_all() -> None:
    with GuardedPool(misbehave, 1, LIMITS) as pool:
        for data in (bytes(20 * 2**20), b""):
            assert pool.call(data)[1] == data


def test_a_message_larger_than_a_workers_memory() -> None:
    with GuardedPool(misbehave, 1, WorkerLimits(30.0, 64)) as pool:
        assert pool.call(bytes(100 * 2**20)).rule_id == "decode_memory"
        assert pool.call(b"fine")[1] == b"fine"


def test_a_template_that_dies_is_started_again() -> None:
    with GuardedPool(describe_process, 2, LIMITS) as pool:
        before = pool.call(b"")
        os.kill(before["template"], signal.SIGKILL)
        assert wait_until_gone([before["pid"]]), "workers must not outlive their template"
        assert pool.call(b"")["template"] != before["template"]


def test_a_task_that_cannot_be_imported_is_an_error_that_says_so(monkeypatch) -> None:
    module = types.ModuleType("only_here")
    exec("def task(data): return data", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    with (
        GuardedPool(module.task, 1, LIMITS) as pool,
        pytest.raises(RuntimeError, match=r"ModuleNotFoundError.*only_here"),
    ):
        pool.call(b"")


def test_a_closed_pool_says_so() -> None:
    pool = GuardedPool(misbehave, 1, LIMITS)
    pool.call(b"fine")
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.call(b"fine")


SCRIPT = """
import sys, threading
from imgassets.vision.guard import GuardedPool, WorkerLimits
from tests.vision.hostile_tasks import describe_process, misbehave

idle = GuardedPool(describe_process, 2, WorkerLimits(600.0, 256))
busy = GuardedPool(misbehave, 1, WorkerLimits(600.0, 256))
seen, hanging = idle.call(b""), busy.call(b"fine")[0]
threading.Thread(target=busy.call, args=(b"hang",)).start()
print(seen["pid"], seen["template"], hanging, flush=True)
"""


@pytest.mark.parametrize("as_file", [True, False])
def test_a_killed_parent_leaves_no_process_behind(tmp_path, as_file) -> None:
    """The script has no ``__main__`` guard, and calls from a thread."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(hostile_tasks.__file__).parents[2]
    running = subprocess.Popen(
        [sys.executable, *([script] if as_file else ["-c", SCRIPT])],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = [int(pid) for pid in running.stdout.readline().split()]
    assert len(pids) == 3
    assert all(runs(pid) for pid in pids)
    time.sleep(0.3)  # The thread's task hangs by now.
    running.kill()
    running.wait()
    running.stdout.close()
    assert wait_until_gone(pids)
