"""Every x265 encode has a process of its own, forked in milliseconds: nothing of one shows in another."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ffhybrid.core.ordered_pool import in_order
from ffhybrid.errors import EncoderError
from ffhybrid.x265.isolation import IsolatedEncode, IsolatedEncoder
from ffhybrid.x265.lambda_tables import LAMBDA_FILE, lambda_tables
from ffhybrid.x265.worker import X265Job, read_records, write_record
from support import make_picture

WIDTH, HEIGHT, COUNT = 64, 48, 4
ALONE = """
import sys
from ffhybrid.x265.worker import X265Job, encode
encode(X265Job.from_json(sys.stdin.read()), sys.stdout.buffer)
"""
"""An encode without the fork server: a process that is started for it."""


def job(folder: Path, *, count: int = COUNT, lambdas: bool = False, **params: str) -> X265Job:
    """A GOP of noise; its frames lie in ``folder``."""
    with (folder / "frames.yuv").open("wb") as file:
        for index in range(count):
            for plane in make_picture("noise", WIDTH, HEIGHT, seed=index).planes:
                file.write(plane.tobytes())
    if lambdas:
        (folder / LAMBDA_FILE).write_text(lambda_tables(bit_depth=8, lambda_offset=8))
        params["lambda-file"] = LAMBDA_FILE
    params = {"log-level": "error", "info": "0", "pools": "1", "frame-threads": "1", **params}
    return X265Job(
        frames=str(folder / "frames.yuv"),
        keyframe=None,
        count=count,
        width=WIDTH,
        height=HEIGHT,
        pix_fmt="yuv420p",
        frame_rate="25/1",
        sample_aspect_ratio="1/1",
        colour=(1, 1, 1, 1),
        options={
            "preset": "medium",
            "crf": "30",
            "x265-params": ":".join(f"{name.replace('_', '-')}={value}" for name, value in params.items()),
        },
    )


@pytest.fixture
def encoder() -> Iterator[IsolatedEncoder]:
    encoder = IsolatedEncoder()
    yield encoder
    encoder.close()


def alone(job: X265Job, folder: Path) -> tuple[tuple[int, bytes], ...]:
    command = [sys.executable, "-P", "-c", ALONE]
    encode = subprocess.run(command, input=job.to_json().encode(), cwd=folder, capture_output=True, check=True)
    return tuple(read_records(io.BytesIO(encode.stdout)))


def endless(folder: Path) -> X265Job:
    """An encode that outlasts every wait here: the same frames ever again, at options x265 takes but is slow with."""
    long = job(folder, rd="6", ref="5", me="full", merange="500", subme="7")
    frames = Path(long.frames)
    frames.write_bytes(frames.read_bytes() * 600)
    return replace(long, count=600 * COUNT)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def server_of(encoder: IsolatedEncoder) -> int:
    assert encoder._server is not None
    return encoder._server.pid


def wait_for(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def test_bytes_are_those_of_a_process_of_its_own_whatever_was_encoded_before(
    encoder: IsolatedEncoder, tmp_path: Path
) -> None:
    """x265 never forgets lambda tables: after an encode with some, a process would use them for all."""
    plain, weighed = tmp_path / "plain", tmp_path / "weighed"
    plain.mkdir()
    weighed.mkdir()
    jobs = {plain: job(plain), weighed: job(weighed, lambdas=True)}
    expected = {folder: alone(each, folder) for folder, each in jobs.items()}
    assert expected[plain] != expected[weighed]
    for folder in (plain, weighed, plain, plain, weighed):
        encode = encoder.run(jobs[folder], folder)
        assert (encode.exit_code, encode.log) == (0, "")
        assert encode.records == expected[folder]
    assert len(encode.records) == 1 + COUNT


def test_the_server_has_one_thread_and_has_not_opened_x265(encoder: IsolatedEncoder, tmp_path: Path) -> None:
    encoder.run(job(tmp_path), tmp_path)
    server = Path(f"/proc/{server_of(encoder)}")
    assert len(list((server / "task").iterdir())) == 1
    assert (server / "cwd").readlink() == Path("/")
    assert len(list((server / "fd").iterdir())) < 10
    assert children(server_of(encoder)) == []


def test_threads_encode_at_the_same_time(encoder: IsolatedEncoder, tmp_path: Path) -> None:
    folders = [tmp_path / str(index) for index in range(6)]
    for folder in folders:
        folder.mkdir()
    jobs = [job(folder, lambdas=index % 2 == 1) for index, folder in enumerate(folders)]
    found = list(in_order(zip(jobs, folders, strict=True), lambda each: encoder.run(*each), threads=3))
    assert len({encode.records for encode in found}) == 2
    assert all(encode.exit_code == 0 for encode in found)


def test_what_x265_says_comes_back(encoder: IsolatedEncoder, tmp_path: Path) -> None:
    encode = encoder.run(job(tmp_path, ref="99"), tmp_path)
    assert encode.exit_code == 1
    assert "maxNumReferences" in encode.log
    assert "Error" in encode.log.splitlines()[-1]


def run_in_thread(
    encoder: IsolatedEncoder, job: X265Job, folder: Path
) -> tuple[threading.Thread, list[IsolatedEncode | EncoderError]]:
    """Begin an encode; give its thread and what it will give or raise."""
    found: list[IsolatedEncode | EncoderError] = []

    def work() -> None:
        try:
            found.append(encoder.run(job, folder))
        except EncoderError as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: encoder._server is not None and children(server_of(encoder)))
    return thread, found


def test_an_encode_that_crashes_is_alone_in_it(encoder: IsolatedEncoder, tmp_path: Path) -> None:
    long = tmp_path / "long"
    long.mkdir()
    thread, found = run_in_thread(encoder, endless(long), long)
    server = server_of(encoder)
    (victim,) = children(server)
    os.kill(victim, signal.SIGSEGV)
    thread.join(20)
    (encode,) = found
    assert isinstance(encode, IsolatedEncode)
    assert encode.exit_code == -signal.SIGSEGV
    assert encoder.run(job(tmp_path), tmp_path).exit_code == 0
    assert server_of(encoder) == server


def test_a_server_that_died_is_started_again(encoder: IsolatedEncoder, tmp_path: Path) -> None:
    long = tmp_path / "long"
    long.mkdir()
    thread, found = run_in_thread(encoder, endless(long), long)
    (orphan,) = children(server_of(encoder))
    os.kill(server_of(encoder), signal.SIGKILL)
    os.waitid(os.P_PID, server_of(encoder), os.WEXITED | os.WNOWAIT)  # else the next encode may still reach it
    os.kill(orphan, signal.SIGKILL)
    thread.join(20)
    assert [str(error) for error in found] == ["the fork server of x265 died"]
    assert encoder.run(job(tmp_path), tmp_path).exit_code == 0


def test_closing_ends_encodes(encoder: IsolatedEncoder, tmp_path: Path) -> None:
    thread, found = run_in_thread(encoder, endless(tmp_path), tmp_path)
    encoder.close()
    thread.join(20)
    assert [str(error) for error in found] == ["the fork server of x265 died"]


def test_an_interrupted_encode_is_killed(encoder: IsolatedEncoder, tmp_path: Path) -> None:
    encoder.run(job(tmp_path), tmp_path)
    server = server_of(encoder)

    def interrupt() -> None:
        wait_for(lambda: children(server))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        encoder.run(endless(tmp_path), tmp_path)
    thread.join()
    wait_for(lambda: not children(server))
    assert encoder.run(job(tmp_path), tmp_path).exit_code == 0
    assert server_of(encoder) == server


def test_nothing_outlives_the_process_that_asked(tmp_path: Path) -> None:
    """However that ends: here it is killed."""
    frames = endless(tmp_path)
    script = f"""
import sys
from pathlib import Path
from ffhybrid.x265.isolation import encoder
from ffhybrid.x265.worker import X265Job
encoder.run(X265Job.from_json({frames.to_json()!r}), Path({str(tmp_path)!r}))
"""
    with subprocess.Popen([sys.executable, "-P", "-c", script]) as process:
        wait_for(lambda: any(children(child) for child in children(process.pid)))
        (server,) = children(process.pid)
        (encode,) = children(server)
        process.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in (server, encode)))


def encode_in(encoder: IsolatedEncoder, job: X265Job, folder: Path, answers: object) -> None:
    answers.put((encoder.run(job, folder).records, server_of(encoder)))  # type: ignore[attr-defined]
    encoder.close()


def test_a_forked_process_has_a_server_of_its_own(tmp_path: Path) -> None:
    from ffhybrid.x265.isolation import encoder

    each = job(tmp_path)
    ours = encoder.run(each, tmp_path).records
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=encode_in, args=(encoder, each, tmp_path, answers))
    process.start()
    records, server = answers.get(timeout=30)
    process.join(20)
    assert process.exitcode == 0
    assert records == ours
    assert server != server_of(encoder)
    assert encoder.run(each, tmp_path).records == ours


def test_a_server_that_cannot_start_is_an_error(
    encoder: IsolatedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    each = job(tmp_path)
    with pytest.raises(EncoderError, match="the fork server of x265"):
        encoder.run(each, tmp_path)
    monkeypatch.undo()
    assert encoder.run(each, tmp_path).exit_code == 0


@pytest.mark.parametrize("left", [3, 10, 40])
def test_an_answer_that_is_cut_short_is_noticed(left: int) -> None:
    answer = io.BytesIO()
    write_record(answer, 0, bytes(20))
    write_record(answer, 1, bytes(20))
    with pytest.raises(ValueError, match="ends inside"):
        list(read_records(io.BytesIO(answer.getvalue()[:left])))
