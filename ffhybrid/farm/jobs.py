"""One GOP to encode as a document that stands alone: what is encoded, how, and by which version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ffhybrid._version import __version__
from ffhybrid.encoder.bit_allocation import Share
from ffhybrid.encoder.modes import settled
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.muxer.streams.selection import StreamOptions
from ffhybrid.muxer.timing import MAX_PICTURES
from ffhybrid.options import EncodeOptions
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.x265.options import parse_x265_params

VERSION = __version__
MAX_DOCUMENT = 8 << 20
"""Bytes of a job with the timestamps of as many pictures as a GOP may have."""

Natural = Annotated[int, Meta(ge=0)]
Times = Annotated[tuple[int, ...], Meta(min_length=1, max_length=MAX_PICTURES)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class GopRange:
    """Where a GOP lies in its source.

    ``first_frame`` counts from the beginning of the source; ``pts`` and ``durations`` count units of ``time_base``, one
    entry a frame in order of presentation. ``sha256`` is that of all frames, planes (Y, Cb, Cr, tightly packed) and SEI
    NAL units: whoever decodes other pictures than were planned notices.
    """

    index: Natural
    first_frame: Natural
    time_base: Fraction
    pts: Times
    durations: Times
    sha256: Digest

    def __post_init__(self) -> None:
        if len(self.pts) != len(self.durations) or self.time_base <= 0:
            raise ValueError("the frames of the GOP have no timestamps and durations that belong together")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One GOP of ``path``, and all that its bytes depend on.

    ``options`` are those of the file without what does not concern a single GOP (:func:`options_of_gops`); with a
    rate ``share`` is what it leaves this GOP. ``model`` begins the SHA-256 of the generator's model, where it has
    one; ``weights`` are the SHA-256s of the networks by which GOPs are fitted and judged, by metric. ``is_native_idr``
    asks for x265's own I-frame, where a generated one could not be had.
    """

    version: str
    path: str
    range: GopRange
    options: EncodeOptions
    share: Share | None = None
    model: str | None = None
    weights: Mapping[str, Digest] = field(default_factory=dict)
    is_native_idr: bool = False

    def to_json(self) -> bytes:
        """Serialise canonically: names in order, no spaces; equal jobs are equal bytes."""
        return canonical_json(self._fields())

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, data: bytes) -> Job:
        """Parse a job; every field is checked, and none may be unknown.

        Raises:
            CorruptDataError: it is none, or of another form.
        """
        if len(data) > MAX_DOCUMENT:
            raise CorruptDataError(f"the job has {len(data)} bytes, more than any can have")
        try:
            job = msgspec.json.decode(data, type=cls, dec_hook=_decode)
            canonical = msgspec.json.encode(msgspec.json.decode(data), order="sorted")
        except (msgspec.MsgspecError, ValueError) as error:
            raise CorruptDataError(f"this is no job: {error}") from error
        if canonical != job.to_json():
            raise CorruptDataError("this is no job: it has fields that are unknown, missing or of another form")
        _check_params(job.options.x265.params or {})
        return job

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical document: who has a result of the same key need not run the job."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def name(self) -> str:
        """What files of this job are called, without a suffix."""
        return f"{self.range.index:05}-{self.key[:16]}"

    def __str__(self) -> str:
        """Name it in messages."""
        frames = self.range
        last = frames.first_frame + len(frames.pts) - 1
        return f"{self.path}: GOP {frames.index} (frames {frames.first_frame} to {last})"


def canonical_json(value: object) -> bytes:
    """Serialise values of jobs: names in order, no spaces; equal values are equal bytes."""
    return msgspec.json.encode(value, order="sorted", enc_hook=_encode)


def options_of_gops(options: EncodeOptions) -> EncodeOptions:
    """Leave out what says where GOPs begin and how they are muxed, so that it does not change the keys of jobs.

    What is left to the machine, a device ``auto``, is decided by this one.

    Raises:
        UsageError: a value that no option has.
    """
    options = settled(options)
    kept = replace(
        options,
        generator_options={name: _absolute(name, value) for name, value in options.generator_options.items()},
        limits=GopLimits(),
        x265=replace(options.x265, params=options.x265.params or None),
        carriage=None,
        streams=StreamOptions(maps=options.streams.maps),
        frames=None,
        container_format=None,
        format_options={},
    )
    try:
        # A CRF of 34 is one of 34.0.
        return msgspec.convert(msgspec.to_builtins(kept, enc_hook=_encode), EncodeOptions, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise UsageError(f"an option has a value that it cannot have: {error}") from error


def _absolute(name: str, value: object) -> object:
    """Name files so that other processes find them; a model may also be the name of one."""
    is_file = isinstance(value, Path) or (name == "model" and Path(str(value)).exists())
    return str(Path(str(value)).resolve()) if is_file else value


def _encode(value: Any) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(f"a job cannot hold {type(value)}")


def _decode(kind: type, value: Any) -> Any:
    if kind is object and isinstance(value, str | int | float):
        return value
    if kind is not Fraction or not isinstance(value, str):
        raise ValueError(f"{value!r} is nothing that a job holds")
    try:
        return Fraction(value)
    except ZeroDivisionError as error:
        raise ValueError(f"{value!r} is no fraction") from error


def _check_params(params: Mapping[str, str]) -> None:
    """See that x265 is told nothing that the command line refuses: it could write files, or break the lock."""
    joined = ":".join(f"{name}={value}" for name, value in params.items())
    try:
        is_same = parse_x265_params(joined) == params
    except UsageError as error:
        raise CorruptDataError(f"this is no job: {error}") from error
    if not is_same:
        raise CorruptDataError("this is no job: its parameters of x265 are not written as x265 reads them")
