"""Verification: decode_keyframe every keyframe, restore, decode, and hold pictures against the hashes in the file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.ordered_pool import in_order
from ffhybrid.core.resources import usable_cores
from ffhybrid.hevc import sei
from ffhybrid.hevc.decoding import check_decodes
from ffhybrid.muxer.matroska.integrity import check_matroska, is_matroska
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.rewriting import located
from ffhybrid.muxer.statement import HYBRID_STATE
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.splice import RestoredGop, restore_gop


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked: keyframes against payload MD5s, pictures against picture hash SEI, clusters by CRC-32.

    ``state`` says in words that the file is not restored; pictures are restored to be checked.
    """

    state: str
    gops: int
    pictures: int
    keyframes_verified: int
    hashes_verified: int
    clusters_verified: int


def verify(
    path: str | PathLike[str],
    *,
    generator_decode: GeneratorDecode | None = None,
    on_gop: Callable[[int], None] | None = None,
) -> VerifyReport:
    """Check a hybrid file from end to end.

    Raises:
        VerificationError: a picture that differs from its hash.
        NotHybridError, TruncatedError, CorruptDataError, GeometryError: the file cannot be read as it should.
    """
    gops = pictures = hashes = 0
    path = Path(path)
    with HybridReader(path) as reader:
        clusters = check_matroska(path, check_crcs=True) if is_matroska(path) else 0

        def check(numbered: tuple[int, HybridGop]) -> tuple[int, int]:
            index, gop = numbered
            with located(reader, index, gop):
                restored = restore_gop(gop, generator_decode=generator_decode)
                return check_decodes(restored.access_units, restored.parameter_sets), _hash_count(restored)

        with closing(in_order(enumerate(reader.gops()), check, threads=usable_cores())) as checked:
            for decoded, hashed in checked:
                if on_gop:
                    on_gop(gops)
                gops += 1
                pictures += decoded
                hashes += hashed
    return VerifyReport(
        state=HYBRID_STATE,
        gops=gops,
        pictures=pictures,
        keyframes_verified=gops,
        hashes_verified=hashes,
        clusters_verified=clusters,
    )


def _hash_count(gop: RestoredGop) -> int:
    return sum(sei.has_picture_hash(unit.nal_units) for unit in gop.access_units)
