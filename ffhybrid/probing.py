"""Probing a hybrid file: container, tracks, and each GOP's payload, without generating a picture."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import av

from ffhybrid.core import fixups
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.payload import Payload
from ffhybrid.muxer.matroska.integrity import check_matroska, is_matroska
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.rewriting import located
from ffhybrid.muxer.statement import HYBRID_STATE
from ffhybrid.muxer.streams.values import codec_name, labels_of
from ffhybrid.restorer.generator_decode import correction_size
from ffhybrid.restorer.splice import check_stream


@dataclass(frozen=True, slots=True, kw_only=True)
class GopInfo:
    """One GOP: ``start`` and ``duration`` in seconds, sizes in bytes.

    ``pictures`` are in the file, ``pictures_encoded`` were in the GOP when it was encoded: a cut may have left less.
    """

    index: int
    start: float
    duration: float
    pictures: int
    pictures_encoded: int
    generator: str
    payload_bytes: int
    latent_bytes: int
    correction_bytes: int
    fixups: int
    fixup_bytes: int
    anchors: int
    placeholder_bytes: int
    inter_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """A stream beside the video; ``type`` and ``codec`` are FFmpeg's names."""

    index: int
    type: str
    codec: str | None
    language: str
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """A hybrid file as a whole; ``streams`` are those beside video and neural keyframes.

    ``state`` says in words that it is not restored; restored files are not hybrid, and no ``FileInfo`` describes them.
    ``size`` is in bytes, None where the input is not one file: standard input, a playlist.
    """

    filename: str
    state: str
    format_name: str
    carriage: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    bit_depth: int
    frame_rate: str
    streams: tuple[StreamInfo, ...]
    size: int | None
    gops: tuple[GopInfo, ...]


def probe(path: str | PathLike[str]) -> FileInfo:
    """Read all payloads and packet sizes of a file.

    Raises:
        NotHybridError, TruncatedError, CorruptDataError, GeometryError: one sentence with file and GOP; of a restored
            file it says by what it was restored.
    """
    path = Path(path)
    with HybridReader(path) as reader:
        if is_matroska(path):
            check_matroska(path, check_crcs=False)
        gops = []
        payload = None
        for index, gop in enumerate(reader.gops()):
            with located(reader, index, gop):
                payload = Payload.from_bytes(gop.payload)
                check_stream(payload, gop.parameter_sets)
                gops.append(_gop_info(index, gop, payload))
        return FileInfo(
            filename=str(path),
            state=HYBRID_STATE,
            format_name=reader.format_name,
            carriage=reader.carriage.value,
            width=reader.video.width,
            height=reader.video.height,
            coded_width=payload.coded_width if payload else 0,
            coded_height=payload.coded_height if payload else 0,
            bit_depth=payload.spec.bit_depth if payload else 0,
            frame_rate=str(reader.video.frame_rate),
            streams=tuple(map(_stream_info, reader.streams_beside)),
            size=reader.size,
            gops=tuple(gops),
        )


def _stream_info(stream: av.stream.Stream) -> StreamInfo:
    labels = labels_of(stream)
    return StreamInfo(
        index=stream.index,
        type=stream.type,
        codec=codec_name(stream),
        language=labels.language,
        title=labels.title,
    )


def _gop_info(index: int, gop: HybridGop, payload: Payload) -> GopInfo:
    return GopInfo(
        index=index,
        start=float(gop.placeholder.pts * gop.time_base),
        duration=float(gop.duration * gop.time_base),
        pictures=len(gop.access_units),
        pictures_encoded=payload.pictures,
        generator=payload.generator,
        payload_bytes=len(gop.payload),
        latent_bytes=len(payload.latent),
        correction_bytes=correction_size(payload),
        fixups=fixups.count(payload.fixups),
        fixup_bytes=len(payload.fixups),
        anchors=len(payload.anchors),
        placeholder_bytes=gop.placeholder.size,
        inter_bytes=sum(unit.size for unit in gop.inter),
    )
