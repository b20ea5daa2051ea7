"""Hybrid files of a real clip, made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import ffhybrid
from support import GOP_LENGTH, clip


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
    ffhybrid.encode(clip("bikes.mp4"), path, options=options)
    return path
