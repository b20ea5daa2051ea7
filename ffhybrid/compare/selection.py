"""Selecting between files of one size: every codec gets the tries that hybrid files get, and the same judge.

x265 and others decide otherwise at each setting of their control, so that files of the same bytes waver by some per
cent of a distance. A hybrid file is the best of such tries, GOP by GOP (``-candidates``); the files of other codecs are
therefore the best of as many, as whole files.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from ffhybrid.compare.clip import Clip
from ffhybrid.core import stock
from ffhybrid.encoder.quality import Judge, visual_distance
from ffhybrid.encoder.rate_targets import cost_of
from ffhybrid.source.gop_planning import GopLimits, plan_gops
from ffhybrid.source.video import VideoSource

MOST_OFF = 0.01
"""The part of the wanted bytes by which a try may miss them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """How many more encodes of a size are looked at in the end, and by what.

    Args:
        candidates: encodes beside the one that met the size.
        gop_length: in frames; the judge looks at GOPs.
        lpips: AlexNet's weights, where they are not found.
        device: where the judge works.
    """

    candidates: int
    gop_length: int
    lpips: Path | None = None
    device: str = "auto"

    def has_size(self, size: int, wanted: int) -> bool:
        """Whether a file may be chosen."""
        return abs(size / wanted - 1) <= MOST_OFF

    def cost(self, clip: Clip, shown: Path, *, size: int, wanted: int) -> float:
        """Look at a decodable file of ``size`` bytes; less is better. The loss is what it would be at those wanted."""
        pictures = stock.pictures(shown, clip.spec, range(clip.frames))
        limits = GopLimits(length=self.gop_length, scene_threshold=0)
        loss = 0.0
        with tempfile.TemporaryDirectory(prefix="ffhybrid-gops-") as folder, VideoSource(clip.path) as source:
            for gop in plan_gops(source.frames(limit=None), source.info, Path(folder), limits=limits):
                loss += len(gop) * _judge(self.lpips, self.device).quality(islice(pictures, len(gop)), gop).loss
                gop.discard()
        return cost_of(loss / clip.frames, size / wanted - 1)


@cache
def _judge(lpips: Path | None, device: str) -> Judge:
    """Load the judge that chooses between candidates inside the encoder."""
    return Judge(visual_distance(lpips, device=device))
