"""Writing HEVC access units, without an encoder, into any container that PyAV muxes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import av

from ffhybrid import hevc
from ffhybrid.errors import UnsupportedError
from ffhybrid.gop import AccessUnit, HybridGop
from ffhybrid.muxer.carriage import Carriage, placeholder_nal_units
from ffhybrid.muxer.decode_times import DecodeTimes
from ffhybrid.muxer.matroska import MatroskaWriter
from ffhybrid.muxer.sets_in_force import SetsInForce
from ffhybrid.muxer.tracks import AudioPacket, VideoTrack

_REPRODUCIBLE = {"fflags": "+bitexact"}
"""No random identifiers, no dates: the same pictures give the same bytes."""
_FINEST = 10_000
"""Ticks a second that leave room between pictures for decoding times."""


def _template(video: VideoTrack) -> av.container.InputContainer:
    """Describe a track to libavformat: a Matroska file of one grey picture of our own, read back."""
    grey = hevc.placeholder_idr(video.parameter_sets, hevc.NalType.IDR_N_LP)
    gop = HybridGop(b"", video.parameter_sets, AccessUnit((grey,), 0, 1), (), Fraction(1))
    file = io.BytesIO()
    with MatroskaWriter(file, video=video, carriage=Carriage.INBAND) as writer:
        writer.write_gop(gop)
    file.seek(0)
    return av.open(file, "r", format="matroska")


class PlainWriter:
    """Muxes finished GOPs and audio packets; a context manager.

    ``target`` is a path or a binary file object; ``container_format`` is FFmpeg's name of a format, None to take it
    from the path. ``time_base`` is that of the access units. Parameter sets lie in the header; a GOP under other ones
    brings them in band.

    Raises:
        UnsupportedError: the format cannot hold HEVC or the audio codec.
        OSError: the target cannot be opened or written.
    """

    def __init__(
        self,
        target: Path | BinaryIO,
        *,
        video: VideoTrack,
        time_base: Fraction,
        audio: av.AudioStream | None = None,
        container_format: str | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self._target = target
        self._scale = max(1, ceil(_FINEST * time_base))
        self._time_base = time_base / self._scale
        self._decode_times = DecodeTimes()
        self._sets = SetsInForce(video.parameter_sets)
        with self._refusals_named():
            self._container = av.open(target, "w", format=container_format, options=_REPRODUCIBLE | (options or {}))
        try:
            with self._refusals_named():
                self._streams = self._add_streams(video, audio)
        except BaseException:
            self._container.close()
            raise

    @contextmanager
    def _refusals_named(self) -> Iterator[None]:
        """Tell what a format refuses, at the first packet at the latest, from what a disk or a pipe refuses."""
        try:
            yield
        except OSError:
            raise
        except (ValueError, av.error.FFmpegError) as error:
            raise UnsupportedError(f"{self._target}: the output format does not take this: {error}") from error

    def _add_streams(self, video: VideoTrack, audio: av.AudioStream | None) -> tuple[Any, Any]:
        with _template(video) as template:
            stream = self._container.add_stream_from_template(template.streams.video[0])
        stream.time_base = self._time_base
        return stream, self._container.add_stream_from_template(audio) if audio else None

    def __enter__(self) -> PlainWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        # What went wrong is under way already; a target that is gone fails once more here.
        with suppress(OSError, av.error.FFmpegError):
            self.close()

    def close(self) -> None:
        """Finish the file."""
        self._container.close()

    def write_access_units(self, units: Sequence[AccessUnit], sets: Sequence[bytes]) -> None:
        """Write one GOP in decoding order; ``sets`` are the parameter sets that it is coded under.

        Raises:
            UnsupportedError: see the class, and :meth:`DecodeTimes.of`.
        """
        in_band = self._sets.to_write(sets)
        decode_times = self._decode_times.of([unit.pts * self._scale for unit in units])
        for index, (unit, decode_time) in enumerate(zip(units, decode_times, strict=True)):
            nal_units = unit.nal_units if index else (*in_band, *unit.nal_units)
            packet = av.Packet(hevc.join_length_prefixed(nal_units))
            packet.pts = unit.pts * self._scale
            packet.dts = decode_time
            packet.duration = unit.duration * self._scale
            packet.is_keyframe = index == 0
            self._mux(packet, self._streams[0], self._time_base)

    def write_audio(self, packet: AudioPacket) -> None:
        """Write one audio packet; without an audio stream it is left out.

        Raises:
            UnsupportedError: see the class.
        """
        stream = self._streams[1]
        if stream is None:
            return
        base = Fraction(stream.time_base or Fraction(1, 48000))
        copy = av.Packet(packet.data)
        copy.pts = copy.dts = round(packet.pts / base)
        copy.duration = round(packet.duration / base)
        copy.is_keyframe = True
        self._mux(copy, stream, base)

    def _mux(self, packet: av.Packet[Any], stream: Any, time_base: Fraction) -> None:
        packet.stream = stream
        packet.time_base = time_base
        with self._refusals_named():
            self._container.mux_one(packet)


class LibavHybridWriter:
    """Writes hybrid GOPs with their payloads in band into MP4, MPEG-TS and every other container of PyAV."""

    def __init__(self, writer: PlainWriter) -> None:
        self._writer = writer

    def __enter__(self) -> LibavHybridWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def write_gop(self, gop: HybridGop) -> None:
        """Write one GOP.

        Raises:
            UnsupportedError: see :class:`PlainWriter`, or a payload that is too large.
        """
        nal_units = placeholder_nal_units(gop, Carriage.INBAND)
        placeholder = AccessUnit(nal_units, gop.placeholder.pts, gop.placeholder.duration)
        self._writer.write_access_units((placeholder, *gop.inter), gop.parameter_sets.nal_units)

    def write_audio(self, packet: AudioPacket) -> None:
        """Write one audio packet."""
        self._writer.write_audio(packet)
