"""Jobs, events and progress as the command line gives them to other programs."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

import ffhybrid
from farm_clips import OPTIONS, encode_command, events
from ffhybrid.encoder.progress import Stage
from ffhybrid.farm import events as event_module
from ffhybrid.farm.events import ProgressWriter
from ffhybrid.farm.jobs import Job
from media import ffmpeg
from support import ffhybrid_command, run


def progress_blocks(text: str) -> list[dict[str, str]]:
    """Take apart what ``-progress`` wrote; every block ends with ``progress``."""
    blocks: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        name, value = line.split("=", 1)
        blocks[-1][name] = value
        if name == "progress":
            blocks.append({})
    assert blocks.pop() == {}
    return blocks


def test_jobs_run_elsewhere_are_muxed_here(small_clip: Path, undisturbed: bytes, tmp_path: Path) -> None:
    farm, output, log = tmp_path / "farm", tmp_path / "out.mkv", tmp_path / "log.ndjson"
    jobs = run(*encode_command(small_clip, output, "-plan", farm)).stdout.splitlines()
    assert not output.exists()
    assert [Job.from_json(Path(job).read_bytes()).range.index for job in jobs] == [0, 1, 2, 3]

    report = json.loads(ffhybrid_command("job", "run", jobs[2], check=True).stdout)
    assert report["job"] == Job.from_json(Path(jobs[2]).read_bytes()).key
    elsewhere = tmp_path / "elsewhere.gop"
    again = json.loads(ffhybrid_command("job", "run", jobs[2], "-o", elsewhere, check=True).stdout)
    assert (again["sha256"], again["gop"]) == (report["sha256"], report["gop"])

    run(*encode_command(small_clip, output, "-state", farm, "-engine", "local:1", "-log", log))
    assert [event["attempt"] for event in events(log, "gop")] == [1, 1, 0, 1]
    assert output.read_bytes() == undisturbed


def test_what_is_no_job_is_refused(tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text('{"path": "/etc/passwd"}')
    result = ffhybrid_command("job", "run", job)
    assert result.returncode == 5
    assert "this is no job" in result.stderr
    assert list(tmp_path.iterdir()) == [job]


def test_progress_is_as_ffmpeg_writes_it(small_clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    result = run(*encode_command(small_clip, output, "-engine", "local:1", "-progress", "pipe:1", "-frames:v", "24"))
    blocks = progress_blocks(result.stdout)
    assert [block["progress"] for block in blocks] == ["continue"] * (len(blocks) - 1) + ["end"]
    assert list(dict.fromkeys(block["frame"] for block in blocks if block["frame"] != "0")) == ["12", "24"]
    assert list(dict.fromkeys(block["out_time_us"] for block in blocks)) in (
        ["500000", "1000000"],
        ["0", "500000", "1000000"],
    )
    assert blocks[-1]["out_time"] == "00:00:01.000000"
    assert int(blocks[-1]["total_size"]) == output.stat().st_size
    assert float(blocks[-1]["bitrate"].removesuffix("kbits/s")) == pytest.approx(
        output.stat().st_size * 8 / 1000, abs=0.1
    )


def test_progress_moves_within_a_gop(small_clip: Path, tmp_path: Path) -> None:
    command = encode_command(small_clip, tmp_path / "out.mkv", "-frames:v", "12", "-progress", "pipe:1", "-b:v", "60k")
    command = [word for word in command if word not in ("-crf", "35")]
    blocks = progress_blocks(run(*command).stdout)
    told = [block for block in blocks if "gop_stage" in block]
    assert told[0]["frame"] == "0"
    assert len({(block["gop_stage"], block["gop_stage_done"]) for block in told}) >= 2
    assert {block["gop"] for block in told} == {"0"}
    assert all(int(block["gop_stage_done"]) <= int(block["gop_stage_of"]) for block in told)
    judged = [block for block in told if block["gop_psnr"] != "N/A"]
    assert judged
    assert all(int(block["gop_size"]) > 0 for block in judged)


@pytest.mark.parametrize("engine", ["local:1", "local:2"])
def test_stages_come_from_processes_too(small_clip: Path, tmp_path: Path, engine: str) -> None:
    heard: list[ffhybrid.GopProgress] = []
    options = replace(OPTIONS, frames=24, fallback=True)
    ffhybrid.encode(small_clip, tmp_path / "out.mkv", options=options, engine=engine, on_progress=heard.append)
    for gop in (0, 1):
        stages = list(dict.fromkeys(progress.stage for progress in heard if progress.gop == gop))
        assert stages == [Stage.QUEUE, Stage.FIT, Stage.ENCODE, Stage.NATIVE, Stage.CHECK]
    fits = [progress for progress in heard if progress.stage is Stage.FIT]
    assert all(0 < progress.done <= progress.of and progress.size for progress in fits)
    assert all(progress.psnr for progress in heard if progress.stage is Stage.CHECK)


def test_a_heart_beats_where_nothing_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_module, "PERIOD", 0.01)
    monkeypatch.setattr(event_module, "HEARTBEAT", 0.05)
    target = tmp_path / "progress.txt"
    with ProgressWriter.open(str(target)) as writer:
        writer.stage(ffhybrid.GopProgress(gop=3, stage=Stage.FIT, done=7, of=10, size=500, psnr=31.5))
        deadline = time.monotonic() + 20
        while target.read_text().count("progress=continue") < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        writer.end(1000)
    *beats, last = progress_blocks(target.read_text())
    assert len(beats) >= 3
    for beat in beats:
        assert (beat["gop"], beat["gop_stage"], beat["gop_stage_done"], beat["gop_stage_of"]) == ("3", "fit", "7", "10")
        assert (beat["gop_size"], beat["gop_psnr"], beat["gop_lpips"]) == ("500", "31.50", "N/A")
    assert (last["progress"], last["total_size"]) == ("end", "1000")


def test_what_a_source_loses_is_said_once_however_many_jobs_there_are(tmp_path: Path) -> None:
    source = tmp_path / "odd.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=size=67x65:rate=24:duration=1.5", "-c:v", "ffv1", "-pix_fmt", "yuv420p", source
    )
    result = run(*encode_command(source, tmp_path / "out.mkv", "-engine", "local:2"))
    assert " ".join(result.stderr.split()).count("67x65 is odd") == 1


def test_progress_and_video_do_not_share_standard_output(small_clip: Path) -> None:
    result = run(*encode_command(small_clip, "-", "-progress", "pipe:1"), check=False)
    assert result.returncode == 2
    assert "-progress pipe:1" in result.stderr


def test_the_log_tells_begin_gops_and_end_of_every_run(small_clip: Path, tmp_path: Path) -> None:
    log, output = tmp_path / "log.ndjson", tmp_path / "out.mkv"
    options = {"options": OPTIONS, "engine": "local:1", "log": log}
    ffhybrid.encode(small_clip, output, **options)  # type: ignore[arg-type]
    with pytest.raises(ffhybrid.UsageError):
        ffhybrid.encode(small_clip, tmp_path / "no.mkv", options=ffhybrid.EncodeOptions(generator="none"), log=log)
    with pytest.raises(FileNotFoundError):
        ffhybrid.encode(tmp_path / "missing.mp4", tmp_path / "no.mkv", log=log)
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in told] == ["begin", *["gop"] * 4, "end", "begin", "error"]
    begin, first, end, error = told[0], told[1], told[5], told[7]
    assert begin["file"] == first["file"] == str(small_clip)
    assert (first["gop"], first["first_frame"], first["frames"]) == (0, 0, 12)
    assert (end["gops"], end["frames"], end["bytes"]) == (4, 48, output.stat().st_size)
    assert "missing.mp4" in error["error"]


def test_at_info_every_gop_is_a_line(small_clip: Path, tmp_path: Path) -> None:
    command = encode_command(small_clip, tmp_path / "out.mkv", "-engine", "local:1", "-v", "info", "-frames:v", "14")
    said = " ".join(run(*command).stderr.split())
    assert "GOP 0 (frames 0 to 11):" in said
    assert "GOP 1 (frames 12 to 13):" in said


def test_a_part_of_the_source_is_named_as_for_ffmpeg(small_clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    result = run(*encode_command(small_clip, output, "-ss", "0:00.5", "-to", "5", "-t", "500ms"))
    assert "-t is taken" in " ".join(result.stderr.split())
    info = ffhybrid.probe(output)
    assert [(gop.start, gop.pictures) for gop in info.gops] == [(0, 12)]
    refused = run(*encode_command(small_clip, output, "-y", "-ss", "1:60"), check=False)
    assert refused.returncode == 2
    assert "'1:60' is no time" in " ".join(refused.stderr.split())
