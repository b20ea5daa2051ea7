"""Chains of libavfilter filters on decoded pictures, in the words of ffmpeg's ``-vf``."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av
from av.filter import Graph

from ffhybrid.errors import UsageError
from ffhybrid.muxer.libav.stream_facts import Cropping


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a filter knows of the pictures that come before it has seen one.

    ``colour`` are the code points of primaries, transfer and matrix, and FFmpeg's range: 0 unknown, 1 limited, 2 full.
    """

    width: int
    height: int
    pix_fmt: str
    time_base: Fraction
    frame_rate: Fraction
    sample_aspect_ratio: Fraction
    colour: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class FilteredStream:
    """What a chain makes of a link and does not write on the frames that leave it."""

    frame_rate: Fraction
    sample_aspect_ratio: Fraction


def outcome(text: str, link: Link) -> FilteredStream:
    """Ask FFmpeg's ``lavfi`` device what becomes of empty pictures that are like those of a link.

    Raises:
        UsageError: FFmpeg does not take the filters.
    """
    primaries, transfer, matrix, full = link.colour
    source = (
        f"nullsrc=size={link.width}x{link.height}:rate={link.frame_rate}:duration=1,format={link.pix_fmt},"
        f"settb={link.time_base},setsar={link.sample_aspect_ratio},"
        f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range={full}"
    )
    try:
        with av.open(f"{source},{text}", format="lavfi") as container:
            stream = container.streams.video[0]
            return FilteredStream(
                frame_rate=stream.average_rate or link.frame_rate,
                sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
            )
    except (av.error.FFmpegError, IndexError) as error:
        raise UsageError(f"-vf {text}: FFmpeg does not take this chain of filters: {_reason(error)}") from error


class FilterChain:
    """Runs frames through a chain, ``name=arguments`` with commas between; made for frames like those of ``link``.

    Raises:
        UsageError: something else than one chain, or filters that FFmpeg does not take.
    """

    def __init__(self, text: str, link: Link) -> None:
        self._text = text
        filters = split_chain(text)
        self.outcome = outcome(text, link)
        self._graph = Graph()
        nodes = [self._graph.add("buffer", _buffer_arguments(link))]
        try:
            nodes += [self._graph.add(name, arguments) for name, arguments in filters]
            self._graph.link_nodes(*nodes, self._graph.add("buffersink")).configure()
        except (av.error.FFmpegError, ValueError) as error:
            raise UsageError(f"-vf {text}: {_reason(error)}") from error

    def through(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Yield what comes out, in the time base that the chain ends with; no frame is taken that it does not want.

        Raises:
            UsageError: a filter gives up.
        """
        for frame in chain(frames, [None]):
            has_ended = yield from self._filtered(frame)
            if has_ended:
                return

    def _filtered(self, frame: av.VideoFrame | None) -> Generator[av.VideoFrame, None, bool]:
        """Give a frame, or None for the end, and take what is ready; returns whether nothing comes any more."""
        try:
            self._graph.vpush(frame)
            while True:
                yield self._graph.vpull()
        except av.error.BlockingIOError:
            return False
        except av.error.EOFError:
            return True
        except av.error.FFmpegError as error:
            raise UsageError(f"-vf {self._text}: {_reason(error)}") from error


def with_cropping(cropping: Cropping | None, filters: str | None) -> str | None:
    """Put the cropping that a container asks for before filters."""
    if cropping is None:
        return filters
    size = f"iw-{cropping.left + cropping.right}:ih-{cropping.top + cropping.bottom}"
    return f"crop={size}:{cropping.left}:{cropping.top}" + (f",{filters}" if filters else "")


def split_chain(text: str) -> list[tuple[str, str]]:
    """Split a chain into names and arguments, taking away one level of quoting and escaping as FFmpeg does.

    Raises:
        UsageError: links with labels, several chains, or a filter without a name.
    """
    filters = []
    for part in _unquoted_parts(text):
        name, _, arguments = part.partition("=")
        if not name.strip():
            raise UsageError(f"-vf {text}: a filter without a name")
        filters.append((name.strip(), arguments))
    return filters


def _unquoted_parts(text: str) -> list[str]:
    parts = [""]
    is_quoted = False
    characters = iter(text)
    for character in characters:
        if character == "'":
            is_quoted = not is_quoted
        elif is_quoted:
            parts[-1] += character
        elif character == "\\":
            parts[-1] += next(characters, "")
        elif character == ",":
            parts.append("")
        elif character in "[];":
            raise UsageError(f"-vf {text}: one chain of filters is taken, without labels and without {character!r}")
        else:
            parts[-1] += character
    return parts


def _buffer_arguments(link: Link) -> str:
    _, _, matrix, full = link.colour
    return (
        f"video_size={link.width}x{link.height}:pix_fmt={link.pix_fmt}:time_base={link.time_base}"
        f":pixel_aspect={link.sample_aspect_ratio}:frame_rate={link.frame_rate}:colorspace={matrix}:range={full}"
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
