"""Hybrid GOPs of a real x265 stream with reordered pictures, and files of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ffhybrid.core.gop import HybridGop
from ffhybrid.muxer.carriage import Carriage
from muxer_clips import GOP_LENGTH, GOPS, as_gops, encode, write_matroska


@pytest.fixture(scope="session")
def gops() -> list[HybridGop]:
    """Four GOPs of twelve pictures with B pyramids."""
    found = as_gops(*encode("bframes=3:b-adapt=0:b-pyramid=1", GOPS * GOP_LENGTH))
    shown = [unit.pts for unit in found[0].inter]
    assert len(found) == GOPS
    assert shown != sorted(shown)
    return found


@pytest.fixture(scope="session")
def other_gops() -> list[HybridGop]:
    """One GOP under other parameter sets."""
    return as_gops(*encode("bframes=0:ref=1:amp=1:rect=1:sao=0", GOP_LENGTH))


@pytest.fixture(scope="session", params=list(Carriage))
def small_file(request: pytest.FixtureRequest, gops: list[HybridGop], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four GOPs in Matroska, in either carriage."""
    return write_matroska(tmp_path_factory.mktemp("small") / f"{request.param}.mkv", gops, request.param)
