"""A real picture for generators to fit."""

from __future__ import annotations

import pytest

from ffhybrid.core.picture import Picture
from ffhybrid.source.video import VideoSource
from support import clip


@pytest.fixture(scope="module")
def whole() -> Picture:
    """The first picture of a clip, 176x144."""
    with VideoSource(clip("carphone_pristine.mp4")) as source:
        return next(source.frames(limit=1)).picture


@pytest.fixture(scope="module")
def natural(whole: Picture) -> Picture:
    """What is fitted: all of it, unless a module says otherwise."""
    return whole
