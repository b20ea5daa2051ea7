"""A job is a document that stands alone: equal jobs are equal bytes, and nothing else passes for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import ffhybrid
from farm_jobs import JOB, OPTIONS
from ffhybrid.encoder.bit_allocation import Share
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.farm.jobs import Job, options_of_gops


def test_a_job_comes_back_from_its_document() -> None:
    again = Job.from_json(JOB.to_json())
    assert again == JOB
    assert again.key == JOB.key


def test_a_target_comes_back_from_its_document() -> None:
    options = replace(OPTIONS, rate=ffhybrid.Rate(maxrate=90_000), target=ffhybrid.QualityTarget("vmaf", 90, low=True))
    job = replace(JOB, options=options_of_gops(options))
    again = Job.from_json(job.to_json())
    assert again == job != JOB
    assert again.options.target == ffhybrid.QualityTarget("vmaf", 90.0, low=True)
    with pytest.raises(CorruptDataError, match="no such metric"):
        Job.from_json(job.to_json().replace(b'"metric":"vmaf"', b'"metric":"mos"'))


def test_the_key_does_not_depend_on_how_a_document_is_laid_out() -> None:
    laid_out = json.dumps(json.loads(JOB.to_json()), indent=2, sort_keys=False).encode()
    assert Job.from_json(laid_out).key == JOB.key


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/clips/other.mp4"},
        {"version": "0.0.1"},
        {"share": Share(4712, 31.25, 0.125)},
        {"share": Share(4711, 31.25, 0.25)},
        {"model": None},
        {"weights": {}},
        {"weights": {"lpips": "0" * 64}},
        {"options": options_of_gops(replace(OPTIONS, fit_threads=2))},
        {"is_native_idr": True},
        {"options": options_of_gops(replace(OPTIONS, budgets=2))},
        {"options": options_of_gops(replace(OPTIONS, speed=0))},
        {"range": replace(JOB.range, sha256="f" * 64)},
    ],
)
def test_whatever_changes_the_bytes_changes_the_key(change: dict[str, object]) -> None:
    assert replace(JOB, **change).key != JOB.key


def test_what_concerns_no_single_gop_does_not_change_keys() -> None:
    muxed_otherwise = replace(
        OPTIONS,
        limits=ffhybrid.GopLimits(length=10),
        carriage=ffhybrid.Carriage.INBAND,
        streams=ffhybrid.StreamOptions(audio=False),
        frames=100,
        container_format="mp4",
    )
    assert options_of_gops(muxed_otherwise) == JOB.options


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert options_of_gops(replace(OPTIONS, x265=replace(OPTIONS.x265, crf=30.0))) == JOB.options


def test_no_parameters_of_x265_are_none() -> None:
    given = (options_of_gops(replace(OPTIONS, x265=replace(OPTIONS.x265, params=params))) for params in ({}, None))
    assert len(set(map(repr, given))) == 1


def test_relative_files_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    given = {"lpips": Path("alex.pth"), "model": "model"}
    absolute = options_of_gops(replace(OPTIONS, generator_options=given)).generator_options
    assert absolute == {"lpips": str(tmp_path / "alex.pth"), "model": str(tmp_path / "model")}
    named = options_of_gops(replace(OPTIONS, generator_options={"model": "madebyollin/taesd"})).generator_options
    assert named == {"model": "madebyollin/taesd"}


def test_an_option_of_a_wrong_type_is_refused() -> None:
    with pytest.raises(UsageError, match="budgets"):
        options_of_gops(replace(OPTIONS, budgets="three"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"{", b"[", "no job"),
        (b'"version"', b'"v"', "version"),
        (b'{"is_native_idr"', b'{"unknown":1,"is_native_idr"', "unknown"),
        (b'"1001/30000"', b'"1/0"', "no fraction"),
        (b'"1001/30000"', b'"-1/25"', "no timestamps"),
        (b"[2,5,1]", b"[2,5]", "no timestamps"),
        (b"[2,5,1]", b"[]", "length"),
        (b'"index":3', b'"index":-3', "index"),
        (b'"speed":2', b'"speed":"2"', "int"),
        (b'"speed":2', b'"speed":4', "-speed 4"),
        (b'"preset":"medium"', b'"preset":"hasty"', "-preset hasty"),
        (b'"crf":30.0', b'"crf":77.0', "-crf 77"),
        (b'"qp":40', b'"qp":[40]', "nothing that a job holds"),
        (b'"rd":"4"', b'"csv":"/etc/passwd"', "-x265-params csv"),
        (b'"rd":"4"', b'"rd":"4:csv=/etc/passwd"', "-x265-params csv"),
        (b"0123456789abcdef", b"0123456789abcdeg", "regex"),
    ],
)
def test_a_damaged_document_is_refused_with_the_reason(old: bytes, new: bytes, words: str) -> None:
    assert old in JOB.to_json()
    with pytest.raises(CorruptDataError, match=words):
        Job.from_json(JOB.to_json().replace(old, new, 1))


@pytest.mark.parametrize("data", [b"", b"null", b"\xff\xfe", b" " * (9 << 20)])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptDataError):
        Job.from_json(data)
