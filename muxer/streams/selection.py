"""Choosing streams in ffmpeg's words: ``-map``, ``-an``, ``-sn``, ``-dn``, and what becomes of their codecs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import av

from ffhybrid.errors import UsageError
from ffhybrid.muxer.streams.values import ATTACHMENT, AUDIO, DATA, SUBTITLE, VIDEO, is_cover

COPY = "copy"
EVERYTHING = "0"
_TYPES = {"v": VIDEO, "V": VIDEO, "a": AUDIO, "s": SUBTITLE, "d": DATA, "t": ATTACHMENT}
_MAP = re.compile(
    r"(?P<negative>-)?0"
    r"(:(?P<kind>[vVasdt]))?"
    r"(:(?P<index>\d+))?"
    r"(:m:(?P<key>[^:?]+)(:(?P<value>[^:?]+))?)?"
    r"(?P<optional>\?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Which streams of the source are carried, and as what.

    ``maps`` are ffmpeg's ``-map`` arguments; unlike in ffmpeg, negative ones alone take from everything. ``audio``,
    ``subtitles`` and ``data`` False leave all of these out. Codecs are FFmpeg's names of encoders, or ``copy``.
    """

    maps: tuple[str, ...] = ()
    audio: bool = True
    subtitles: bool = True
    data: bool = True
    audio_codec: str = COPY
    audio_bitrate: int | None = None
    subtitle_codec: str = COPY

    def __post_init__(self) -> None:
        for text in self.maps:
            if not _MAP.fullmatch(text):
                raise UsageError(f"-map {text}: streams are named as in 0, 0:v:0, 0:a, 0:3, 0:s:m:language:eng or -0:d")
        if self.audio_bitrate and self.audio_codec == COPY:
            raise UsageError("-b:a belongs to an audio encoder, which -c:a names")


def select(streams: Sequence[av.stream.Stream], options: StreamOptions, *, name: str) -> list[av.stream.Stream]:
    """Choose streams in the order of the maps; ``name`` is what messages call the file.

    Raises:
        UsageError: a map that no stream fits, unless it ends in ``?``.
    """
    maps = options.maps
    if all(text.startswith("-") for text in maps):
        maps = (EVERYTHING, *maps)
    chosen: list[av.stream.Stream] = []
    for text in maps:
        found = _matching(streams, text)
        if text.startswith("-"):
            chosen = [stream for stream in chosen if stream not in found]
            continue
        if not found and not text.endswith("?"):
            raise UsageError(f"{name}: -map {text} fits no stream (a ? behind it makes it optional)")
        chosen += [stream for stream in found if stream not in chosen]
    unwanted = {
        kind
        for kind, is_wanted in ((AUDIO, options.audio), (SUBTITLE, options.subtitles), (DATA, options.data))
        if not is_wanted
    }
    return [stream for stream in chosen if stream.type not in unwanted]


def choose(
    streams: Sequence[av.stream.Stream], options: StreamOptions, *, name: str
) -> tuple[av.VideoStream, list[av.stream.Stream], int]:
    """Choose the video, which is the first one among the chosen streams, and the others.

    Returns:
        The video, the others in their order, and how many of those come before the video.

    Raises:
        UsageError: there is no video among them; see also :func:`select`.
    """
    chosen = select(streams, options, name=name)
    video = next((s for s in chosen if isinstance(s, av.VideoStream) and not is_cover(s)), None)
    if video is None:
        raise UsageError(f"{name}: -map leaves no video")
    before = chosen.index(video)
    return video, chosen[:before] + chosen[before + 1 :], before


def _matching(streams: Sequence[av.stream.Stream], text: str) -> list[av.stream.Stream]:
    match = _MAP.fullmatch(text)
    if match is None:
        raise UsageError(f"-map {text} names no stream")
    kind, index, key, value = match["kind"], match["index"], match["key"], match["value"]
    found = [stream for stream in streams if kind is None or stream.type == _TYPES[kind]]
    if kind == "V":
        found = [stream for stream in found if not is_cover(stream)]
    if key is not None:
        found = [stream for stream in found if key in stream.metadata and value in (None, stream.metadata[key])]
    if index is None:
        return found
    if kind is None:
        return [stream for stream in found if stream.index == int(index)]
    return found[int(index) : int(index) + 1]
