"""Bytes that containers take beside the elementary streams, by FFmpeg's names of formats."""

from __future__ import annotations

from dataclasses import dataclass

from ffhybrid import hevc
from ffhybrid.hevc import sei
from ffhybrid.muxer.output import MATROSKA

HASH_SIZE = hevc.LENGTH_SIZE + sei.PICTURE_HASH_SIZE + sei.UUID_SIZE
"""Bytes of a picture hash with its length, hidden from stock decoders by a UUID (:mod:`ffhybrid.muxer.carriage`)."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """Bytes that a container takes: once, for each GOP and for each picture."""

    file: float
    gop: float
    picture: float

    def of_gop(self, pictures: int, *, hashes: bool) -> int:
        """Bytes beside the elementary streams of a GOP; with ``hashes`` those of its pictures too."""
        return round(self.gop + (self.picture + HASH_SIZE * hashes) * pictures)


OVERHEADS = {
    MATROSKA: Overhead(875, 132, 8.5),
    "mp4": Overhead(1100, 75, 18),
    "mov": Overhead(1070, 75, 18),
    "mpegts": Overhead(100, 195, 280),
    "nut": Overhead(640, 92, 7.6),
}
"""Overheads by FFmpeg's names of formats (``benchmarks/quality/overhead.py``): headers, index, tags, the
statement (:mod:`ffhybrid.muxer.statement`); clusters, payloads as packets or SEI messages; blocks, packets or sample
tables, and lengths of NAL units. Tables of MP4 and MOV take 15 to 22 bytes a picture, by how regular durations are."""


def overhead_of(container: str) -> Overhead:
    """Overhead of a container, or where it is not known of Matroska."""
    return OVERHEADS.get(container, OVERHEADS[MATROSKA])
