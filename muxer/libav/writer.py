"""Writing GOPs, hybrid or restored ones, without an encoder, into any container that PyAV muxes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import av
from av.stream import Disposition

from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.carriage import Carriage, GopCarrier
from ffhybrid.muxer.libav.gop_packets import GopPackets
from ffhybrid.muxer.libav.templates import annexb_template, template_of
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.streams.values import Attachment, OtherStreams, StreamPacket, Track

logger = logging.getLogger(__name__)

_REPRODUCIBLE = "+bitexact"
"""Of ``fflags``: no random identifiers, no dates, so that the same pictures give the same bytes."""
AVFMT_TS_NEGATIVE = 0x40000
"""The flag of ``libavformat/avformat.h`` that a format holds times below zero."""
_CHAPTER_BASE = Fraction(1, 1_000_000_000)
_WITH_ATTACHMENTS = frozenset({"matroska"})
_OF_QUICKTIME = frozenset({"3g2", "3gp", "f4v", "ipod", "ismv", "mov", "mp4"})
_WITH_ORIENTATION = _OF_QUICKTIME | {"matroska"}
_WITH_COVERS = frozenset({"mp4", "mov", "ipod"})
_WITH_HVC1 = frozenset({"mp4", "mov", "ipod", "hls", "dash"})
"""Formats that get the sample entry ``hvc1``, the only one that Apple's players take, in place of FFmpeg's ``hev1``."""
_MPEGTS_AUDIO = {"aac", "ac3", "dts", "eac3", "mp2", "mp3", "opus", "pcm_bluray", "truehd"}
_MPEGTS_CODECS = frozenset(_MPEGTS_AUDIO | {"dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle"})
"""All others libavformat puts into MPEG-TS as private data that nobody recognises again."""


def _is_transport_stream(container_format: str, options: Mapping[str, str]) -> bool:
    """Whether a format is MPEG-TS inside, which has no header for parameter sets.

    FFmpeg would put them between the SEI messages and the picture, and GStreamer 1.22 throws away the messages that
    come before the first sets.
    """
    is_hls = container_format == "hls" and options.get("hls_segment_type") != "fmp4"
    return is_hls or container_format == "mpegts"


def _reproducible(options: Mapping[str, str]) -> dict[str, str]:
    """Add to the flags; those given with a sign change what is there, as they do in ffmpeg."""
    flags = options.get("fflags", "")
    return {**options, "fflags": flags if flags and flags[0] not in "+-" else f"{_REPRODUCIBLE}{flags}"}


class LibavWriter:
    """Muxes finished GOPs and the packets of other tracks; a context manager.

    ``target`` is a path or a binary file object; ``container_format`` is FFmpeg's name of a format, None to take it
    from the path. Pictures are timed in ``time_base`` or finer. Parameter sets lie in the header; a GOP under other
    ones brings them in band.

    Raises:
        UnsupportedError: the format cannot hold HEVC, a track or an attachment.
        OSError: the target cannot be opened or written.
    """

    def __init__(
        self,
        target: Path | BinaryIO,
        *,
        video: VideoTrack,
        time_base: Fraction,
        other_streams: OtherStreams | None = None,
        container_format: str | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self._name = getattr(target, "name", target)
        self._tracks: list[tuple[Any, Fraction]] = []
        self._carrier = GopCarrier(Carriage.INBAND)
        with self._refusals_named():
            self._container = av.open(target, "w", format=container_format, options=_reproducible(options or {}))
        takes_negative = self._container.format.flags & AVFMT_TS_NEGATIVE
        floor = None if takes_negative else 0
        self._has_header = not _is_transport_stream(self._container.format.name, options or {})
        header = video.parameter_sets if self._has_header else None
        self._packets = GopPackets(header, time_base=time_base, floor=floor)
        if self._container.format.name in _OF_QUICKTIME:
            # Edit lists, by which tracks begin late, count these; FFmpeg's default are milliseconds.
            self._container.container_options["movie_timescale"] = str(self._packets.time_base.denominator)
        try:
            self._add_streams(video, other_streams or OtherStreams())
        except BaseException:
            self._container.close()
            raise

    @contextmanager
    def _refusals_named(self, what: str = "this") -> Iterator[None]:
        """Tell what a format refuses, at the first packet at the latest, from what a disk or a pipe refuses."""
        try:
            yield
        except OSError:
            raise
        except (ValueError, av.error.FFmpegError) as error:
            raise UnsupportedError(f"{self._name}: the output format does not take {what}: {error}") from error

    def _add_streams(self, video: VideoTrack, other_streams: OtherStreams) -> None:
        for track in other_streams.tracks[: other_streams.before_video]:
            self._add_track(track)
        with self._refusals_named("HEVC"):
            template = template_of(video) if self._has_header else annexb_template(video.parameter_sets)
            stream = self._container.add_stream_from_template(template)
        if self._container.format.name in _WITH_HVC1:
            stream.codec_context.codec_tag = "hvc1"
        stream.time_base = self._packets.time_base
        stream.metadata.update(video.labels.tags)
        stream.disposition = video.labels.disposition
        if video.presentation.orientation and self._container.format.name not in _WITH_ORIENTATION:
            logger.warning("%s: %s files cannot say how pictures are turned", self._name, self._container.format.name)
        self._video = stream
        for track in other_streams.tracks[other_streams.before_video :]:
            self._add_track(track)
        covers = [(self._add_attachment(file), file.data) for file in other_streams.attachments]
        self._container.metadata.update(other_streams.tags)
        self._set_chapters(other_streams)
        with self._refusals_named():
            for cover, data in covers:
                self._write_cover(cover, data)

    def _add_track(self, track: Track) -> None:
        name = f"{track.kind} stream {track.index} ({track.codec})"
        if self._container.format.name == "mpegts" and track.codec not in _MPEGTS_CODECS:
            raise UnsupportedError(f"{self._name}: MPEG-TS does not take {name}")
        with self._refusals_named(name):
            stream = self._container.add_stream_from_template(track.template)
        stream.metadata.update(track.labels.tags)
        stream.disposition = track.labels.disposition
        self._tracks.append((stream, Fraction(track.template.time_base or 1)))

    def _add_attachment(self, file: Attachment) -> Any:
        """Add an attached file; return the stream that wants its data as a packet, None if it lies in the header."""
        name = self._container.format.name
        if name in _WITH_ATTACHMENTS:
            stream = self._container.add_attachment(file.name, file.mimetype, file.data)
            if file.description:
                stream.metadata["title"] = file.description
            return None
        if not file.is_cover or name not in _WITH_COVERS:
            what = f"attachment stream {file.index} ({file.name})"
            raise UnsupportedError(f"{self._name}: the output format does not take {what}")
        cover = self._container.add_stream_from_template(file.template)
        cover.disposition = Disposition.attached_pic
        return cover

    def _write_cover(self, cover: Any, data: bytes) -> None:
        if cover is None:
            return
        packet = av.Packet(data)
        packet.pts = packet.dts = 0
        packet.is_keyframe = True
        packet.stream = cover
        self._container.mux_one(packet)

    def _set_chapters(self, other_streams: OtherStreams) -> None:
        self._container.set_chapters(
            [
                {
                    "id": number,
                    "start": round(chapter.start / _CHAPTER_BASE),
                    "end": round(chapter.end / _CHAPTER_BASE),
                    "time_base": _CHAPTER_BASE,
                    "metadata": dict(chapter.tags),
                }
                for number, chapter in enumerate(other_streams.chapters, 1)
            ]
        )

    def begin(self) -> None:
        """Write the header, which the first packet does else.

        Raises:
            UnsupportedError: see the class.
        """
        with self._refusals_named():
            self._container.start_encoding()

    def __enter__(self) -> LibavWriter:
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

    def write_gop(self, gop: HybridGop) -> None:
        """Write a hybrid GOP with its payload in band.

        Raises:
            UnsupportedError: see the class, or a payload that is too large.
        """
        self.write_access_units(self._carrier.access_units(gop), gop.parameter_sets.nal_units, gop.time_base)

    def write_access_units(self, units: Sequence[AccessUnit], sets: Sequence[bytes], time_base: Fraction) -> None:
        """Write a GOP without a payload, in decoding order, coded under the parameter sets ``sets``.

        Raises:
            UnsupportedError: see the class, and :meth:`DecodeTimes.of`.
        """
        for packet in self._packets.of(units, sets, time_base):
            self._mux(packet, self._video, self._packets.time_base)

    def write_packet(self, packet: StreamPacket) -> None:
        """Write one packet of another track.

        Raises:
            UnsupportedError: see the class.
        """
        stream, base = self._tracks[packet.track]
        copy = av.Packet(packet.data)
        copy.pts = copy.dts = round(packet.pts / base)
        copy.duration = round(packet.duration / base)
        copy.is_keyframe = True
        for data in packet.side_data:
            copy.set_sidedata(data)
        self._mux(copy, stream, base)

    def _mux(self, packet: av.Packet[Any], stream: Any, time_base: Fraction) -> None:
        packet.stream = stream
        packet.time_base = time_base
        with self._refusals_named():
            self._container.mux_one(packet)
