"""Sharing a file's bytes among its GOPs, as x265's first pass sees their complexity."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ffhybrid import x265
from ffhybrid.errors import UsageError
from ffhybrid.muxer.stream_map import StreamOptions
from ffhybrid.planner import GopLimits, plan_gops
from ffhybrid.source import SourceOptions, VideoSource
from ffhybrid.x265_options import X265Options

FIRST_PASS = X265Options(crf=32.0, preset="superfast", tune=None)
FILE_OVERHEAD = 690
"""Bytes of headers, tags and cues of a short Matroska file."""
GOP_OVERHEAD, PICTURE_OVERHEAD, HASH = 190, 10.5, 58
"""Bytes of a cluster, its binding tag, the neural track's packet and a cue; of a block and a NAL unit's length; of a
picture hash."""
LEAST_PICTURE = 12
"""Bytes that a picture takes even at the highest CRF."""


@dataclass(frozen=True, slots=True)
class Complexity:
    """One GOP as the first pass saw it: bytes at a constant quality, pictures, seconds."""

    size: int
    pictures: int
    seconds: float


def first_pass(
    path: Path,
    *,
    limits: GopLimits,
    frames: int | None,
    streams: StreamOptions | None = None,
    options: SourceOptions | None = None,
) -> list[Complexity]:
    """Encode every GOP quickly at one CRF.

    Raises:
        UsageError: there are no frames.
    """
    found = []
    with (
        VideoSource(path, streams=streams, options=options) as source,
        tempfile.TemporaryDirectory(prefix="ffhybrid-") as name,
    ):
        for gop in plan_gops(source.frames(limit=frames), source.info, Path(name), limits=limits):
            coded = x265.encode(gop, FIRST_PASS, params=x265.KEEP_PPS)
            size = sum(unit.size for unit in coded.access_units)
            found.append(Complexity(size, len(gop), float(sum(gop.durations) * gop.time_base)))
            gop.discard()
    if not found:
        raise UsageError(f"{path}: there are no frames to encode")
    return found


class Allocation:
    """Targets of GOPs one after the other; what one leaves or overdraws is shared by those to come.

    Args:
        complexities: of all GOPs.
        bitrate: of the video in bits a second, container included.
        maxrate: of any window as long as the buffer lasts, in bits a second.
        bufsize: bits of the decoder's buffer; a second of ``maxrate`` where it is None.
        hashes: whether every picture has its hash in the file.

    Raises:
        UsageError: too few bits for this many pictures.
    """

    def __init__(
        self,
        complexities: Sequence[Complexity],
        *,
        bitrate: int,
        maxrate: int | None = None,
        bufsize: int | None = None,
        hashes: bool = False,
    ) -> None:
        self._complexities = complexities
        self._picture_overhead = PICTURE_OVERHEAD + HASH * hashes
        self._maxrate = maxrate
        self._bufsize = bufsize or maxrate or 0
        self._buffer = float(self._bufsize)
        seconds = sum(gop.seconds for gop in complexities)
        self._left = bitrate * seconds / 8 - FILE_OVERHEAD
        self._next = 0
        least = sum(LEAST_PICTURE * gop.pictures + self._overhead(gop) for gop in complexities)
        if self._left < least:
            rate = (least + FILE_OVERHEAD) * 8 / seconds
            raise UsageError(f"-b:v {bitrate}: this video takes at least {rate:.0f} bit/s")

    def target(self) -> int:
        """Bytes of the next GOP's elementary streams (:attr:`ffhybrid.gop_encoding.CodedGop.size`)."""
        gop, *rest = self._complexities[self._next :]
        share = gop.size / (gop.size + sum(other.size for other in rest))
        wanted = self._left * share
        if self._maxrate is not None:
            wanted = min(wanted, (self._buffer + self._maxrate * gop.seconds) / 8)
        return max(round(wanted) - self._overhead(gop), LEAST_PICTURE * gop.pictures)

    def spend(self, size: int) -> None:
        """Count the bytes of the elementary streams that the next GOP took."""
        gop = self._complexities[self._next]
        spent = size + self._overhead(gop)
        self._left -= spent
        self._next += 1
        if self._maxrate is not None:
            self._buffer = min(self._buffer + self._maxrate * gop.seconds - 8 * spent, self._bufsize)

    def _overhead(self, gop: Complexity) -> int:
        """Bytes of the container for a GOP, and of picture hashes."""
        return round(GOP_OVERHEAD + self._picture_overhead * gop.pictures)
