"""Whatever breaks off an encode, the same command finishes it, repeats no finished GOP and gives the same bytes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import pytest

import ffhybrid
from farm_clips import OPTIONS, encode_command, events
from ffhybrid.encoder.progress import OnProgress
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.farm import local
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.planning import kept_plan
from ffhybrid.farm.results import Result
from ffhybrid.farm.state import LOCK, PLAN, RESULT_SUFFIX, State, state_folder
from media import ffmpeg
from support import run


def finished(output: Path) -> set[str]:
    """Results that an encode has kept so far."""
    folder = state_folder(output)
    return {path.name for path in folder.iterdir() if path.suffix == RESULT_SUFFIX} if folder.exists() else set()


def finish(source: Path, output: Path, log: Path, *more: str) -> tuple[list[int], list[int]]:
    """Run the command again; GOPs that an earlier run had done, and those encoded now."""
    run(*encode_command(source, output, "-log", log, *more))
    begun = log.read_text().rindex('"event": "begin"')
    last = log.with_suffix(".last")
    last.write_text('{"' + log.read_text()[begun + 1 :])
    done = events(last, "gop")
    return [e["gop"] for e in done if not e["attempt"]], sorted(e["gop"] for e in done if e["attempt"])


@pytest.mark.parametrize(
    ("engine", "results", "how", "code"),
    [
        ("local:1", 0, signal.SIGKILL, -signal.SIGKILL),
        ("local:1", 2, signal.SIGKILL, -signal.SIGKILL),
        ("local:2", 1, signal.SIGKILL, -signal.SIGKILL),
        ("local:2", 1, signal.SIGINT, 130),
    ],
)
def test_after_a_kill_the_rest_is_encoded(
    engine: str, results: int, how: signal.Signals, code: int, small_clip: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    output, log = tmp_path / "out.mkv", tmp_path / "log.ndjson"
    with subprocess.Popen(encode_command(small_clip, output, "-engine", engine)) as process:
        while process.poll() is None and (len(finished(output)) < results or not state_folder(output).exists()):
            time.sleep(0.02)
        os.kill(process.pid, how)
    assert process.returncode == code
    kept = finished(output)
    assert len(kept) >= results
    assert not output.exists()
    earlier, now = finish(small_clip, output, log)
    assert len(earlier) == len(kept)
    assert sorted(earlier + now) == [0, 1, 2, 3]
    assert output.read_bytes() == undisturbed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.last", "log.ndjson", "out.mkv"]


def test_after_a_full_disk_the_rest_is_encoded(small_clip: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: results fit, the whole file with its sound does not."""
    sound = ffhybrid.StreamOptions(audio_codec="pcm_s16le")
    whole, output, log = tmp_path / "whole.mkv", tmp_path / "out.mkv", tmp_path / "log.ndjson"
    ffhybrid.encode(small_clip, whole, options=replace(OPTIONS, streams=sound), engine="local:1")
    size = whole.stat().st_size - 1000

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    command = encode_command(small_clip, output, "-c:a", "pcm_s16le", "-engine", "local:1")
    result = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert not output.exists()
    assert finish(small_clip, output, log, "-c:a", "pcm_s16le") == ([0, 1, 2, 3], [])
    assert output.read_bytes() == whole.read_bytes()


def interrupt_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so many jobs run in this process, then stop."""
    real = local.run_job
    left = iter(range(count))

    def run_job(job: Job, *, scratch: Path | None = None, on_progress: OnProgress | None = None) -> Result:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(job, scratch=scratch, on_progress=on_progress)

    monkeypatch.setattr(local, "run_job", run_job)


def broken_off(source: Path, output: Path, monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(after, patch)
        with pytest.raises(KeyboardInterrupt):
            ffhybrid.encode(source, output, options=OPTIONS, engine="local:1")


def test_damaged_results_and_plans_are_made_anew(
    small_clip: Path, undisturbed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, log = tmp_path / "out.mkv", tmp_path / "log.ndjson"
    broken_off(small_clip, output, monkeypatch, after=3)
    damaged, cut, _ = sorted(state_folder(output).glob("*.gop"))
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    cut.write_bytes(cut.read_bytes()[:-1])
    (state_folder(output) / PLAN).write_bytes(b"half a pl")
    ffhybrid.encode(small_clip, output, options=OPTIONS, engine="local:1", log=log)
    assert [event["gop"] for event in events(log, "gop") if event["attempt"]] == [0, 1, 3]
    assert output.read_bytes() == undisturbed


def test_a_gop_that_always_fails_costs_the_others_nothing(small_clip: Path, tmp_path: Path) -> None:
    """Here a bit of the source flips behind the plan's back: frames of GOP 2 are not those that were planned."""
    source, output, log = tmp_path / "raw.nut", tmp_path / "out.mkv", tmp_path / "log.ndjson"
    ffmpeg("-i", small_clip, "-c:v", "rawvideo", "-an", source)
    ffhybrid.encode(source, tmp_path / "whole.mkv", options=OPTIONS, engine="local:1")
    with State.open(state_folder(output)) as state:
        jobs = list(kept_plan(source, OPTIONS, state))
    with av.open(source) as container:
        frames = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    whole, written = source.read_bytes(), source.stat().st_mtime_ns
    at = whole.index(frames[jobs[2].range.first_frame + 5])
    source.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    os.utime(source, ns=(written, written))

    with pytest.raises(EncoderError, match=r"^1 of the GOPs .*GOP 2 \(frames 24 to 35\): the source has other frames"):
        ffhybrid.encode(source, output, options=OPTIONS, engine="local:1", log=log)
    assert [(event["gop"], event["attempt"]) for event in events(log, "retry")] == [(2, 1), (2, 2)]
    assert [(event["gop"], event["attempt"]) for event in events(log, "failed")] == [(2, 3)]
    assert len(finished(output)) == 3
    assert not output.exists()

    source.write_bytes(whole)
    os.utime(source, ns=(written, written))
    log.unlink()
    ffhybrid.encode(source, output, options=OPTIONS, engine="local:1", log=log)
    assert [event["gop"] for event in events(log, "gop") if event["attempt"]] == [2]
    assert output.read_bytes() == (tmp_path / "whole.mkv").read_bytes()


def test_other_options_take_nothing_from_an_earlier_run(
    small_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, log = tmp_path / "out.mkv", tmp_path / "log.ndjson"
    broken_off(small_clip, output, monkeypatch, after=2)
    better = replace(OPTIONS, x265=replace(OPTIONS.x265, crf=30), frames=24)
    ffhybrid.encode(small_clip, output, options=better, engine="local:1", log=log)
    assert [event["attempt"] for event in events(log, "gop")] == [1, 1]
    assert not state_folder(output).exists()


def test_two_encodes_of_one_output_do_not_get_in_each_others_way(small_clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    with State.open(state_folder(output)), pytest.raises(UsageError, match="another encode is at work"):
        ffhybrid.encode(small_clip, output, options=OPTIONS)
    assert not list(tmp_path.iterdir())


def test_files_of_others_in_a_named_state_folder_stay(small_clip: Path, undisturbed: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    ffhybrid.encode(small_clip, tmp_path / "out.mkv", options=OPTIONS, engine="local:1", state=folder)
    assert (tmp_path / "out.mkv").read_bytes() == undisturbed
    assert sorted(path.name for path in folder.iterdir()) == [LOCK, "notes.txt"]


def test_what_a_killed_process_left_of_an_output_is_removed(small_clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    (tmp_path / ".ffhybrid-out.mkv-x1y2z3_4.mkv").write_bytes(b"half")
    (tmp_path / ".ffhybrid-other.mkv-x1y2z3_4.mkv").write_bytes(b"another's")
    ffhybrid.encode(small_clip, output, options=replace(OPTIONS, frames=4))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ffhybrid-other.mkv-x1y2z3_4.mkv", "out.mkv"]


def test_a_pipe_gets_the_gops_of_the_same_jobs(small_clip: Path, tmp_path: Path) -> None:
    live, file = tmp_path / "live.mkv", tmp_path / "file.mkv"
    with live.open("wb") as target:
        subprocess.run(encode_command(small_clip, "-", "-engine", "local:2"), stdout=target, check=True)
    run(*encode_command(small_clip, file, "-engine", "local:1"))
    checked = [run(sys.executable, "-P", "-m", "ffhybrid", "verify", path).stdout for path in (live, file)]
    assert [text.splitlines()[1:3] for text in checked] == [["gops=4", "pictures=48"]] * 2
    restored = [tmp_path / "live.hevc", tmp_path / "file.hevc"]
    for hybrid, output in zip((live, file), restored, strict=True):
        ffhybrid.restore(hybrid, output, options=ffhybrid.OutputOptions(streams=ffhybrid.StreamOptions(audio=False)))
    assert restored[0].read_bytes() == restored[1].read_bytes()
