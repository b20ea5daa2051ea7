"""Decoding whole HEVC pictures, cropped rows and columns included, with FFmpeg's decoder as the judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import av

from ffhybrid.core.frames import coded_picture
from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.core.picture import Picture
from ffhybrid.errors import VerificationError
from ffhybrid.hevc.nal import join_length_prefixed
from ffhybrid.hevc.parameter_sets import write_hvcc

CHECKED = "crccheck+explode"
"""``-err_detect`` flags under which a wrong picture hash SEI is an error, not a log line."""


def open_decoder(
    sets: ParameterSets, *, crop: bool = True, threads: int = 1, references_only: bool = False
) -> av.VideoCodecContext:
    """Open an HEVC decoder that refuses damage and wrong picture hashes.

    ``crop=False`` gives pictures at their coded size, as later pictures refer to them. ``threads`` pictures are
    decoded at a time. ``references_only`` leaves out pictures that no other one refers to.
    """
    decoder = av.CodecContext.create("hevc", "r")
    decoder.thread_count = threads
    decoder.thread_type = "FRAME"
    decoder.extradata = write_hvcc(sets)
    decoder.options = {"err_detect": CHECKED, "apply_cropping": str(int(crop))}
    if references_only:
        decoder.skip_frame = "NONREF"
    decoder.open()
    return decoder


@contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except (av.error.InvalidDataError, av.error.PatchWelcomeError) as error:
        raise VerificationError(f"a picture does not decode to what its hash says: {error}") from error


def decode_access_units(
    access_units: Iterable[tuple[bytes, ...]], sets: ParameterSets, *, crop: bool = True
) -> Iterator[av.VideoFrame]:
    """Decode access units given in decoding order; frames come in output order.

    Raises:
        VerificationError: damaged slices, or a picture that differs from its picture hash SEI.
    """
    with _refusals_named():
        decoder = open_decoder(sets, crop=crop)
        for nal_units in access_units:
            yield from decoder.decode(av.Packet(join_length_prefixed(nal_units)))
        yield from decoder.decode(None)


def decode_pictures(
    access_units: Iterable[tuple[bytes, ...]], sets: ParameterSets, bit_depth: int, *, crop: bool = True
) -> Iterator[Picture]:
    """Decode access units of 4:2:0 of this depth to pictures; see :func:`decode_access_units`.

    Raises:
        VerificationError: as there.
    """
    for frame in decode_access_units(access_units, sets, crop=crop):
        yield coded_picture(frame, bit_depth)


def decode_last(units: Sequence[AccessUnit], sets: ParameterSets, bit_depth: int) -> Picture:
    """Decode the picture shown last, to which others may refer, at its coded size.

    Raises:
        VerificationError: see :func:`decode_access_units`, or a picture that does not come.
    """
    last: av.VideoFrame | None = None
    with _refusals_named():
        decoder = open_decoder(sets, crop=False, references_only=True)
        for unit in units:
            packet = av.Packet(join_length_prefixed(unit.nal_units))
            packet.pts = unit.pts
            for frame in decoder.decode(packet):
                last = frame
        for frame in decoder.decode(None):
            last = frame
    if last is None or last.pts != max(unit.pts for unit in units):
        raise VerificationError("the last picture does not decode")
    return coded_picture(last, bit_depth)


def check_decodes(access_units: Sequence[AccessUnit], sets: ParameterSets) -> int:
    """Decode one GOP and return the number of its pictures.

    Raises:
        VerificationError: see :func:`decode_access_units`, or pictures that do not come.
    """
    decoded = sum(1 for _ in decode_access_units((unit.nal_units for unit in access_units), sets))
    if decoded != len(access_units):
        raise VerificationError(f"{decoded} of {len(access_units)} pictures decode")
    return decoded


class GopDecoder:
    """Decodes GOP after GOP with one decoder for as long as their parameter sets are the same.

    Its threads never run dry between GOPs, so that frames of a GOP may come while the next one is given.
    """

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._sets: ParameterSets | None = None
        self._decoder: av.VideoCodecContext | None = None
        self._time_base = Fraction(1)

    def decode(self, units: Iterable[AccessUnit], sets: ParameterSets, time_base: Fraction) -> Iterator[av.VideoFrame]:
        """Give one GOP in decoding order; yield the frames that are ready, in output order, with their timestamps.

        Raises:
            VerificationError: see :func:`decode_access_units`; it may be about the GOP before.
        """
        if (sets, time_base) != (self._sets, self._time_base):
            yield from self.flush()
            with _refusals_named():
                self._decoder = open_decoder(sets, threads=self._threads)
            self._sets, self._time_base = sets, time_base
        for unit in units:
            packet = av.Packet(join_length_prefixed(unit.nal_units))
            packet.pts, packet.time_base = unit.pts, time_base
            yield from self._frames(packet)

    def flush(self) -> Iterator[av.VideoFrame]:
        """Yield what is left."""
        if self._decoder is not None:
            yield from self._frames(None)
        self._decoder = self._sets = None

    def close(self) -> None:
        """Let go of the decoder, whatever its threads are at.

        They give packets back to Python, which waits for this thread if it destroys a decoder that is at work.
        """
        if self._decoder is not None:
            self._decoder.flush_buffers()
        self._decoder = self._sets = None

    def _frames(self, packet: av.Packet[Any] | None) -> Iterator[av.VideoFrame]:
        with _refusals_named():
            frames = self._decoder.decode(packet) if self._decoder else []
        for frame in frames:
            frame.time_base = self._time_base
            yield frame
