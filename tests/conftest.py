"""Hybrid files of a real clip, made once for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import ffhybrid
from media import OPTIONS, VIDEO, ffmpeg
from support import GOP_LENGTH, TINY_GOP, clip

# Threads of torch wait for each other in turns of the processor, which other processes want; read when torch starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long examples take says how busy the machine is, and nothing about the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# Shells switch Ctrl-C off for what they run in the background, and processes that tests interrupt inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine without weights of metrics; gives the folder that they would be fetched into."""
    from ffhybrid.filters.dists import dists_on
    from ffhybrid.filters.lpips import lpips_on
    from ffhybrid.filters.perceptual_weights import weights_digest

    folder = tmp_path_factory.mktemp("weights")
    monkeypatch.setenv("FFHYBRID_WEIGHTS", str(folder))
    monkeypatch.setattr("ffhybrid.filters.perceptual_weights.find_spec", lambda name: None)
    monkeypatch.setattr("torch.hub.get_dir", lambda: folder)
    loaded = (weights_digest, lpips_on, dists_on)
    for each in loaded:
        each.cache_clear()
    yield folder
    for each in loaded:
        each.cache_clear()


@pytest.fixture(scope="session", params=["track", "inband"])
def hybrid_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four GOPs of one second with picture hashes, in Matroska, in either carriage."""
    return encoded(tmp_path_factory.mktemp("hybrid") / f"{request.param}.mkv", request.param)


@pytest.fixture(scope="session")
def track_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the neural track."""
    return encoded(tmp_path_factory.mktemp("hybrid") / "track-only.mkv", "track")


@pytest.fixture(scope="session")
def inband_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in band."""
    return encoded(tmp_path_factory.mktemp("hybrid") / "inband-only.mkv", "inband")


def encoded(path: Path, carriage: str) -> Path:
    options = ffhybrid.EncodeOptions(
        fallback=False,
        generator="thumbnail",
        limits=ffhybrid.GopLimits(length=GOP_LENGTH, scene_threshold=0),
        frames=4 * GOP_LENGTH,
        picture_hashes=True,
        carriage=ffhybrid.Carriage(carriage),
        x265=ffhybrid.X265Options(crf=32, preset="veryfast"),
    )
    ffhybrid.encode(clip("bikes.mp4"), path, options=options, engine="local:1")
    return path


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four GOPs of half a second, 96x64 at 23.976 fps, with sound: the neural track, in Matroska."""
    folder = tmp_path_factory.mktemp("tiny")
    pictures = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24000/1001:duration=2,format=yuv420p")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")
    labels = ("-metadata:s:a", "language=ger", "-metadata", "title=Tiny")
    ffmpeg(*pictures, *sound, *VIDEO, "-c:a", "aac", *labels, folder / "source.mp4")
    limits = ffhybrid.GopLimits(length=TINY_GOP, scene_threshold=0)
    options = replace(OPTIONS, limits=limits, picture_hashes=True, fallback=False)
    ffhybrid.encode(folder / "source.mp4", folder / "tiny.mkv", options=options, engine="local:1")
    return folder / "tiny.mkv"


@pytest.fixture(scope="session")
def tiny_inband_file(tiny_file: Path) -> Path:
    """The same in band."""
    inband = tiny_file.with_name("inband.mkv")
    ffhybrid.remux(tiny_file, inband, carriage=ffhybrid.Carriage.INBAND)
    return inband
