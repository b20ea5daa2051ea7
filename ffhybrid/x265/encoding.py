"""One GOP through libx265, in a process of its own, and what came back checked for its structure."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ffhybrid import hevc
from ffhybrid.core.frames import PIXEL_FORMATS, coded_picture
from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop, write_planes
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.hevc import sei
from ffhybrid.hevc.compact_parameter_sets import SliceRecoder
from ffhybrid.hevc.decoding import decode_access_units
from ffhybrid.hevc.static_metadata import keyframe_sei
from ffhybrid.x265 import isolation
from ffhybrid.x265.lambda_tables import LAMBDA_FILE, lambda_tables
from ffhybrid.x265.options import X265Options
from ffhybrid.x265.worker import EXTRADATA, NOT_TAKEN, X265Job


@dataclass(frozen=True, slots=True)
class X265Gop:
    """One IDR picture and P and B pictures in decoding order, with MD5 picture hashes and the source's timestamps.

    Parameter sets are those that all GOPs of a stream share, where they are compact
    (:mod:`ffhybrid.hevc.compact_parameter_sets`).
    """

    parameter_sets: ParameterSets
    intra: AccessUnit
    inter: tuple[AccessUnit, ...]

    @property
    def intra_slice(self) -> bytes:
        """The one slice of the IDR picture."""
        return _slice_of(self.intra)

    @property
    def last_slice(self) -> bytes:
        """The one slice of the picture that is decoded last."""
        return _slice_of(self.inter[-1])

    @property
    def inter_size(self) -> int:
        """Bytes of P and B pictures without their hashes."""
        nal_units = (nal for unit in self.inter for nal in unit.nal_units)
        return sum(len(nal) for nal in nal_units if not sei.is_picture_hash(nal))

    def keyframe(self, bit_depth: int) -> Picture:
        """Decode the IDR picture, at its coded size.

        Raises:
            EncoderError: it is not one picture.
        """
        frames = list(decode_access_units([self.intra.nal_units], self.parameter_sets, crop=False))
        if len(frames) != 1:
            raise EncoderError(f"x265's keyframe decodes to {len(frames)} pictures")
        return coded_picture(frames[0], bit_depth)

    @property
    def access_units(self) -> tuple[AccessUnit, ...]:
        """All of them in decoding order."""
        return (self.intra, *self.inter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a GOP that is coded by itself, between anchors.

    If it ``begins_with_anchor`` its first picture is an I picture only here. If it ``ends_in_anchor`` its last picture
    is a P picture behind another one, so that no B picture refers to it.
    """

    begins_with_anchor: bool = False
    ends_in_anchor: bool = False


WHOLE = Segment()


def encode_gop(
    gop: SourceGop,
    options: X265Options,
    *,
    params: Mapping[str, str],
    keyframe: Picture | None = None,
    tables: str | None = None,
    compact: bool = True,
    segment: Segment = WHOLE,
) -> X265Gop:
    """Encode a GOP, or a segment of one as if it were a GOP.

    Args:
        gop: the frames.
        options: the user's.
        params: x265 parameters that win over the user's.
        keyframe: takes the place of the first frame.
        tables: of lambdas; None for x265's own, or those of a CRF beyond its highest.
        compact: move it to the stream's parameter sets (:mod:`ffhybrid.hevc.compact_parameter_sets`).
        segment: what part of a GOP this is.

    Raises:
        EncoderError: x265 failed, or gave a stream of another structure.
        UsageError: x265 does not take a parameter.
    """
    if tables is None and options.lambda_offset:
        tables = lambda_tables(bit_depth=gop.spec.bit_depth, lambda_offset=options.lambda_offset)
    predicted = (len(gop) - 2, len(gop) - 1) if segment.ends_in_anchor else ()
    records = _run_worker(gop, options, params, keyframe, tables, predicted)
    index, extradata = records[0]
    if index != EXTRADATA or sorted(index for index, _ in records[1:]) != list(range(len(gop))):
        raise EncoderError(f"GOP {gop.index}: x265 returned other frames than it was given")
    sets = hevc.find_parameter_sets(hevc.split_annexb(extradata))
    units = [_access_unit(gop, index, data) for index, data in records[1:]]
    _check_structure(gop, units)
    _check_segment(gop, segment, units, sets)
    if compact:
        recoder = SliceRecoder(sets)
        sets, units = recoder.sets, [recoder.unit(unit) for unit in units]
    intra, *inter = units
    return X265Gop(sets, intra, tuple(inter))


def _access_unit(gop: SourceGop, index: int, data: bytes) -> AccessUnit:
    nal_units = tuple(nal for nal in hevc.split_annexb(data) if hevc.nal_type(nal) != hevc.NalType.AUD)
    messages = gop.sei[index] if index else keyframe_sei(gop)
    return AccessUnit((*messages, *nal_units), gop.pts[index], gop.durations[index])


def _check_structure(gop: SourceGop, units: Sequence[AccessUnit]) -> None:
    slices = [nal for nal in units[0].nal_units if hevc.is_slice(nal)]
    if len(slices) != 1 or not hevc.is_idr(slices[0]):
        raise EncoderError(f"GOP {gop.index}: x265 did not begin with an IDR picture of one slice")
    if any(hevc.is_idr(nal) for unit in units[1:] for nal in unit.nal_units if hevc.is_slice(nal)):
        raise EncoderError(f"GOP {gop.index}: x265 put a second IDR picture into the GOP")


def _check_segment(gop: SourceGop, segment: Segment, units: Sequence[AccessUnit], sets: ParameterSets) -> None:
    """See that a segment fits between anchors.

    The only picture that takes motion vectors from the first one, which are none, may be the one behind it: what is
    decoded later takes none from before that (H.265 clause 7.4.7.1, slice_temporal_mvp_enabled_flag).
    """
    for unit in units[2:] if segment.begins_with_anchor else ():
        distance = hevc.collocated_distance(_slice_of(unit), sets)
        if distance and gop.pts.index(unit.pts) + distance == 0:
            raise EncoderError(f"GOP {gop.index}: x265 takes motion vectors from an anchor in more than one picture")
    if not segment.ends_in_anchor:
        return
    last = _slice_of(units[-1])
    is_last = units[-1].pts == gop.pts[-1] and hevc.slice_type(last, sets) == "P"
    if not is_last or hevc.nal_type(last) != hevc.NalType.TRAIL_R:
        raise EncoderError(f"GOP {gop.index}: x265 did not end with a P picture that others may refer to")


def _slice_of(unit: AccessUnit) -> bytes:
    return next(nal for nal in unit.nal_units if hevc.is_slice(nal))


def _run_worker(
    gop: SourceGop,
    options: X265Options,
    params: Mapping[str, str],
    keyframe: Picture | None,
    tables: str | None,
    predicted: tuple[int, ...],
) -> Sequence[tuple[int, bytes]]:
    # Beside the raw frames: whoever removes those of a killed process removes this too.
    with tempfile.TemporaryDirectory(prefix="ffhybrid-x265-", dir=gop.path.parent) as name:
        directory = Path(name)
        if tables is not None:
            (directory / LAMBDA_FILE).write_text(tables)
            params = {**params, "lambda-file": LAMBDA_FILE}
        if keyframe is not None:
            with (directory / "keyframe.yuv").open("wb") as file:
                write_planes(file, keyframe)
        job = _job(gop, options, params, directory / "keyframe.yuv" if keyframe is not None else None, predicted)
        encode = isolation.encoder.run(job, directory)
    if encode.exit_code != 0:
        *_, last = encode.log.strip().splitlines() or [""]
        refused = last.removeprefix("ValueError: ")
        if refused.startswith(NOT_TAKEN):
            raise UsageError(f"-x265-params: {refused}")
        said = " / ".join(encode.log.strip().splitlines()[-3:]) or f"its exit code is {encode.exit_code}"
        raise EncoderError(f"GOP {gop.index}: x265 failed: {said}")
    return encode.records


def _video_usability(gop: SourceGop) -> dict[str, str]:
    """Give the parameters of what of the VUI PyAV cannot tell FFmpeg's wrapper."""
    location = gop.presentation.chroma_location
    return {} if location is None else {"chromaloc": str(location)}


def _job(
    gop: SourceGop, options: X265Options, params: Mapping[str, str], keyframe: Path | None, predicted: tuple[int, ...]
) -> X265Job:
    return X265Job(
        frames=str(gop.path.resolve()),
        keyframe=str(keyframe.resolve()) if keyframe else None,
        count=len(gop),
        width=gop.spec.width,
        height=gop.spec.height,
        pix_fmt=PIXEL_FORMATS[gop.spec.bit_depth],
        frame_rate=str(gop.frame_rate),
        sample_aspect_ratio=str(gop.sample_aspect_ratio),
        colour=gop.spec.colour.code_points,
        options=options.codec_options({**_video_usability(gop), **params}, gop.spec),
        skipped=gop.skipped,
        predicted=predicted,
    )
