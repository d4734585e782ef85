"""The queue of jobs: bounded, in order, and forgetful on purpose."""

from __future__ import annotations

import threading

import pytest

from imgassets.service.v1.jobs import Jobs, QueueFull


def test_a_result_is_kept_for_its_time_and_its_owner() -> None:
    now = [0.0]
    jobs: Jobs[int] = Jobs(workers=1, max_waiting=5, keep_seconds=60, clock=lambda: now[0])
    job = jobs.submit("ann", lambda: 7)
    assert job.future.result(10) == 7
    jobs.close()  # its callbacks have run
    assert jobs.find(job.id, "ann") is job
    assert jobs.find(job.id, "bob") is None
    now[0] = 61.0
    assert jobs.find(job.id, "ann") is None


def test_what_was_told_is_forgotten() -> None:
    jobs: Jobs[int] = Jobs(workers=1, max_waiting=5, keep_seconds=60)
    job = jobs.submit("ann", lambda: 7)
    job.future.result(10)
    jobs.forget(job)
    assert jobs.find(job.id, "ann") is None
    jobs.close()


def test_the_queue_has_an_end_and_a_failure_makes_room() -> None:
    go_on = threading.Event()
    jobs: Jobs[None] = Jobs(workers=1, max_waiting=1, keep_seconds=60)

    def fail() -> None:
        go_on.wait(30)
        raise OSError("no disk")

    first = jobs.submit("ann", fail)
    second = jobs.submit("ann", fail)
    with pytest.raises(QueueFull):
        jobs.submit("ann", fail)
    assert jobs.unfinished() == 2
    go_on.set()
    assert isinstance(first.future.exception(30), OSError)
    assert isinstance(second.future.exception(30), OSError)
    assert (first.status, second.status) == ("failed", "failed")
    jobs.submit("ann", fail)
    jobs.close()
