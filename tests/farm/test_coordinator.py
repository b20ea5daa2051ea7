"""Jobs are tried, given up or kept; a scripted engine stands for processes and clusters."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from farm_jobs import ENVIRONMENT, GOP, JOB, REPORT
from ffhybrid.errors import EncoderError, FFHybridError, ModelError
from ffhybrid.farm.coordinator import ATTEMPTS, Coordinator, OnError
from ffhybrid.farm.events import EventLog
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.results import Result
from ffhybrid.farm.state import State

JOBS = [replace(JOB, range=replace(JOB.range, index=index)) for index in range(6)]


def result_of(job: Job) -> bytes:
    return Result.of(job, GOP, replace(REPORT, index=job.range.index), ENVIRONMENT, seconds=1).to_bytes()


class ScriptedEngine:
    """Answers each job with what ``answer`` gives or raises, the last one submitted first."""

    def __init__(self, answer: Callable[[Job], bytes], *, slots: int = 1) -> None:
        self.slots = slots
        self.submitted: list[Job] = []
        self._answer = answer
        self._waiting: list[tuple[Future[bytes], Job]] = []

    def submit(self, job: Job) -> Future[bytes]:
        future: Future[bytes] = Future()
        self.submitted.append(job)
        self._waiting.append((future, job))
        if len(self._waiting) >= self.slots or job.range.index == JOBS[-1].range.index:
            while self._waiting:
                self._finish(*self._waiting.pop())
        return future

    def _finish(self, future: Future[bytes], job: Job) -> None:
        try:
            future.set_result(self._answer(job))
        except (FFHybridError, OSError) as error:
            future.set_exception(error)

    def close(self) -> None:
        pass


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state") as opened:
        yield opened


def indices(coordinator: Coordinator, jobs: list[Job]) -> list[int]:
    return [result.report.gop.index for result in coordinator.results(jobs)]


def coordinator(engine: ScriptedEngine, state: State, on_error: OnError = OnError.STOP) -> Coordinator:
    return Coordinator(engine, state, EventLog(None), on_error=on_error)


@pytest.mark.parametrize("slots", [1, 2, 3, 6])
def test_results_come_in_the_order_of_jobs_whichever_is_done_first(state: State, slots: int) -> None:
    engine = ScriptedEngine(result_of, slots=slots)
    assert indices(coordinator(engine, state), JOBS) == list(range(6))
    assert engine.submitted == JOBS


def test_with_one_slot_a_gop_is_given_before_the_next_is_planned(state: State) -> None:
    planned: list[int] = []

    def jobs() -> Iterator[Job]:
        for job in JOBS:
            planned.append(job.range.index)
            yield job

    results = coordinator(ScriptedEngine(result_of), state).results(jobs())
    assert next(results).report.gop.index == 0
    assert planned == [0]


def test_what_an_earlier_run_left_is_not_run_again(state: State) -> None:
    for job in JOBS[:4]:
        state.keep_result(job, result_of(job))
    engine = ScriptedEngine(result_of)
    assert indices(coordinator(engine, state), JOBS) == list(range(6))
    assert engine.submitted == JOBS[4:]


def test_a_damaged_result_is_run_again(state: State, caplog: pytest.LogCaptureFixture) -> None:
    for job in JOBS[:3]:
        state.keep_result(job, result_of(job))
    state.keep_result(JOBS[0], result_of(JOBS[0])[:-1])
    state.keep_result(JOBS[1], result_of(JOBS[2]))
    engine = ScriptedEngine(result_of)
    assert indices(coordinator(engine, state), JOBS[:3]) == [0, 1, 2]
    assert engine.submitted == JOBS[:2]
    assert "cut short" in caplog.text
    assert "another job" in caplog.text


def failing(times: int, *indices: int) -> Callable[[Job], bytes]:
    """Fail jobs so often, then give their results; never fail one of a native IDR."""
    left = dict.fromkeys(indices, times)

    def answer(job: Job) -> bytes:
        if not job.is_native_idr and left.get(job.range.index, 0):
            left[job.range.index] -= 1
            raise EncoderError("its process died")
        return result_of(job)

    return answer


def test_a_job_that_fails_twice_is_tried_a_third_time(state: State) -> None:
    engine = ScriptedEngine(failing(ATTEMPTS - 1, 2))
    assert indices(coordinator(engine, state), JOBS) == list(range(6))
    assert engine.submitted.count(JOBS[2]) == ATTEMPTS


def test_a_gop_that_keeps_failing_is_named_when_all_others_are_done(state: State) -> None:
    engine = ScriptedEngine(failing(ATTEMPTS, 1, 3))
    given: list[int] = []
    with pytest.raises(EncoderError, match=r"2 of the GOPs .*GOP 1 \(frames 360 to 362\).*GOP 3.*process died"):
        given.extend(result.report.gop.index for result in coordinator(engine, state).results(JOBS))
    assert engine.submitted.count(JOBS[1]) == ATTEMPTS
    assert all(state.result(job) for job in JOBS if job.range.index not in (1, 3))
    again = ScriptedEngine(result_of)
    assert indices(coordinator(again, state), JOBS) == list(range(6))
    assert again.submitted == [JOBS[1], JOBS[3]]


def test_on_error_keyframe_a_gop_that_keeps_failing_is_coded_ordinarily(state: State) -> None:
    engine = ScriptedEngine(failing(ATTEMPTS, 1))
    assert indices(coordinator(engine, state, OnError.KEYFRAME), JOBS) == list(range(6))
    assert engine.submitted.count(JOBS[1]) == ATTEMPTS
    assert [job.range.index for job in engine.submitted if job.is_native_idr] == [1]
    again = ScriptedEngine(result_of)
    assert indices(coordinator(again, state, OnError.KEYFRAME), JOBS) == list(range(6))
    assert not again.submitted


def test_an_answer_that_is_no_result_counts_as_a_failure(state: State) -> None:
    engine = ScriptedEngine(lambda job: b"nonsense")
    with pytest.raises(EncoderError, match="damaged or cut short"):
        indices(coordinator(engine, state), JOBS[:1])
    assert len(engine.submitted) == ATTEMPTS


@pytest.mark.parametrize("error", [ModelError("no model"), OSError(errno.ENOSPC, "No space left on device")])
def test_what_every_gop_would_meet_ends_it_at_once(state: State, error: Exception) -> None:
    def answer(job: Job) -> bytes:
        raise error

    engine = ScriptedEngine(answer)
    with pytest.raises(type(error)):
        indices(coordinator(engine, state), JOBS)
    assert len(engine.submitted) == 1


def test_a_lost_scheduler_is_said_to_be_lost(state: State) -> None:
    engine = ScriptedEngine(result_of, slots=2)
    pending = coordinator(engine, state)
    future: Future[bytes] = Future()
    engine.submit = lambda job: future  # type: ignore[method-assign]
    future.cancel()
    future.set_running_or_notify_cancel()
    with pytest.raises(EncoderError, match="scheduler is lost; start again"):
        indices(pending, JOBS[:1])


def test_events_tell_every_attempt(state: State, tmp_path: Path) -> None:
    log = tmp_path / "events.ndjson"
    state.keep_result(JOBS[0], result_of(JOBS[0]))
    with EventLog.open(log) as events:
        engine = ScriptedEngine(failing(1, 1))
        indices(Coordinator(engine, state, events, on_error=OnError.STOP), JOBS[:2])
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(event["event"], event["gop"], event["attempt"]) for event in told] == [
        ("gop", 0, 0),
        ("retry", 1, 1),
        ("gop", 1, 2),
    ]
    assert told[2] | {"file": JOB.path, "first_frame": 360, "frames": 3, "bytes": 470, "job": JOBS[1].key} == told[2]
