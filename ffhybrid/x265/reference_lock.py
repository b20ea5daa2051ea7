"""The locked encode: x265 predicts P and B pictures from exactly the generated keyframe.

Frame 0 is the generated picture, to be coded without loss. At 8 bits a zone gives it QP 0, at which the residual of
a 4x4 block that skips its transform is exact (H.265 clause 8.6.4.2: a step is less than a sample), and a lambda table
makes bits almost free at QPs that low, so that an inexact block costs more than an exact one. Where this does not do,
and at 10 bits, where QP 0 is far from lossless, ``cu-lossless`` offers every CU of every picture a lossless mode,
which takes x265 nearly twice the time, and the lambdas are those of a window of QPs. What still differs is measured by
decoding frame 0 and becomes the fix-up list, so that the reference is known exactly.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from ffhybrid.core import fixups
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.errors import EncoderError, UnsupportedError
from ffhybrid.x265.encoding import WHOLE, Segment, X265Gop, encode_gop
from ffhybrid.x265.lambda_tables import lambda_tables
from ffhybrid.x265.options import X265Options

logger = logging.getLogger(__name__)

LOSSLESS_BLOCKS = {"cu-lossless": "1"}
NEARLY_LOSSLESS_QP = 4

ENOUGH, MOST_FIXED = 50, 30_000
"""A list with at most this many fix-ups, or of one sample in so many, is shipped; above it another window is tried."""

TOO_MANY = 10_000
"""Beyond this the lock has failed, and a list would cost more than it is worth."""


@dataclass(frozen=True, slots=True)
class LockWindow:
    """QP of frame 0, and the QPs ``low`` to ``high`` whose lambdas are changed.

    The window must cover every CU QP that adaptive quantisation gives frame 0, and stay below those of P and B.
    Blocks are exact by ``cu-lossless``, or, if it ``skips_transform``, by that.
    """

    zone_qp: int
    low: int
    high: int
    skips_transform: bool = False

    @property
    def qps(self) -> range:
        """Those whose lambdas are changed."""
        return range(self.low, self.high + 1)

    @property
    def params(self) -> dict[str, str]:
        """What x265 is told."""
        return {"zones": f"0,1,q={self.zone_qp}", **({} if self.skips_transform else LOSSLESS_BLOCKS)}


WINDOWS = {
    8: tuple(
        LockWindow(zone_qp, 0, high)
        for zone_qp, high in ((6, 10), (8, 12), (10, 14), (12, 16), (14, 18), (16, 20), (16, 24), (16, 28))
    ),
    10: (LockWindow(0, 0, 0), LockWindow(12, 0, 16), LockWindow(16, 0, 24)),
}
"""Windows by bit depth, from narrow to wide. At 10 bits QP 0 is far from lossless: the narrowest is enough."""

SKIPPING = {8: (LockWindow(0, 0, 4, skips_transform=True),)}
"""Those that are tried before: up to QP 4 a step is a sample at most."""

WIDE_ENOUGH = {8: 18, 10: 0}
"""A first window need not reach further than this."""

MARGIN, LEAST_MARGIN = 8, 4
"""How far below the CRF a first window ends, and a wider one. Where a window reaches the QPs of P and B pictures, those
become lossless in places, and large (``benchmarks/exactness/lock.py``)."""


@dataclass(frozen=True, slots=True)
class LockedEncode:
    """What x265 made of one GOP; nobody stores its own keyframe.

    ``keyframe`` is the reference at the coded size of the SPS, ``fixups`` its difference from the generated
    picture. ``windows`` are the windows tried and the fix-ups that each of them left.
    """

    coded: X265Gop
    keyframe: Picture
    fixups: bytes
    windows: tuple[tuple[LockWindow, int], ...]

    @property
    def fixup_count(self) -> int:
        """Samples in which the reference differs from the generated picture."""
        return fixups.count(self.fixups)

    @property
    def size(self) -> int:
        """Bytes that this encode costs: P and B pictures with their hashes, and the fix-up list."""
        return len(self.fixups) + sum(unit.size for unit in self.coded.inter)


def encode_locked(gop: SourceGop, keyframe: Picture, options: X265Options, *, segment: Segment = WHOLE) -> LockedEncode:
    """Encode a GOP, or a segment of one, with frame 0 replaced by ``keyframe``, a picture of the source's size.

    Raises:
        EncoderError: x265 failed, gave a stream of another structure than one IDR and P and B pictures, or did not
            keep the keyframe.
    """
    encodes: list[tuple[LockWindow, LockedEncode]] = []
    for window in _windows(gop.spec.bit_depth, options.crf):
        encode = _encode_with_window(gop, keyframe, options, window, segment)
        encodes.append((window, encode))
        if encode.fixup_count <= max(ENOUGH, gop.spec.samples // MOST_FIXED):
            break
        logger.info("GOP %d: %d fix-ups with %s", gop.index, encode.fixup_count, window)
    best = min((encode for _, encode in encodes), key=lambda encode: encode.size)
    if best.fixup_count > TOO_MANY:
        raise EncoderError(
            f"GOP {gop.index}: {best.fixup_count} samples differ, x265 does not keep the keyframe with these options"
        )
    return replace(best, windows=tuple((window, encode.fixup_count) for window, encode in encodes))


def encode_nearly_locked(
    gop: SourceGop, keyframe: Picture, options: X265Options, *, segment: Segment = WHOLE
) -> LockedEncode:
    """Encode a GOP with frame 0 replaced by ``keyframe``, coded at so low a QP that P and B pictures hardly differ.

    It tells as much of sizes and pictures as :func:`encode_locked`, and takes x265 little more than half of its time
    where that offers every block a lossless mode, as at 10 bits.
    What x265 made of the keyframe counts as the keyframe; nothing of this can be restored.

    Raises:
        EncoderError: x265 failed, or gave a stream of another structure.
    """
    params = {"zones": f"0,1,q={NEARLY_LOSSLESS_QP}"}
    coded = encode_gop(gop, options, params=params, keyframe=keyframe, segment=segment)
    return LockedEncode(coded=coded, keyframe=coded.keyframe(gop.spec.bit_depth), fixups=b"", windows=())


def _windows(bit_depth: int, crf: float) -> tuple[LockWindow, ...]:
    """Windows worth trying: transforms skipped; the widest one that is safe at this CRF, then wider ones."""
    if bit_depth not in WINDOWS:
        raise UnsupportedError(f"no reference lock is known for {bit_depth} bits")
    windows = WINDOWS[bit_depth]
    reach = min(crf - MARGIN, WIDE_ENOUGH[bit_depth])
    safe = sum(window.high <= reach for window in windows)
    first = max(safe - 1, 0)
    wider = (window for window in windows[first + 1 :] if window.high <= crf - LEAST_MARGIN)
    return (*SKIPPING.get(bit_depth, ()), windows[first], *wider)


def _encode_with_window(
    gop: SourceGop, keyframe: Picture, options: X265Options, window: LockWindow, segment: Segment
) -> LockedEncode:
    tables = lambda_tables(bit_depth=gop.spec.bit_depth, locking=window.qps, lambda_offset=options.lambda_offset)
    coded = encode_gop(gop, options, params=window.params, keyframe=keyframe, tables=tables, segment=segment)
    locked = coded.keyframe(gop.spec.bit_depth)
    generated = keyframe.padded(locked.width, locked.height)
    return LockedEncode(coded=coded, keyframe=locked, fixups=fixups.difference(generated, locked), windows=())
