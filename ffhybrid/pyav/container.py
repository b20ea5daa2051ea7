"""``ffhybrid.open``: a file, hybrid or not, that decodes like any container of PyAV."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

import av

from ffhybrid.core.closing import Closing
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.resources import usable_cores
from ffhybrid.errors import NotHybridError, VerificationError
from ffhybrid.hevc.decoding import GopDecoder, check_decodes
from ffhybrid.muxer.reading.inputs import STANDARD_INPUT
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.rewriting import located
from ffhybrid.pyav.ordinary_container import OrdinaryContainer, Streams, VideoStreamInfo
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.splice import RestoredGop
from ffhybrid.restoring import restored_gops


class HybridContainer(Closing):
    """A hybrid file open for decoding; a context manager.

    A container is read once from its beginning: seek, or open the file again, for a second pass. ``threads`` is how
    many keyframes are made, and pictures decoded, at a time; by default one a core.
    """

    is_hybrid = True

    def __init__(
        self, path: str | PathLike[str], *, threads: int | None = None, generator_decode: GeneratorDecode | None = None
    ) -> None:
        self._reader = HybridReader(Path(path))
        self._generator_decode = generator_decode
        self._threads = threads or usable_cores()
        video = self._reader.video
        info = VideoStreamInfo(
            index=0,
            width=video.width,
            height=video.height,
            average_rate=video.frame_rate,
            time_base=self._reader.time_base,
            sample_aspect_ratio=video.sample_aspect_ratio,
        )
        self.streams = Streams((info,))

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def gops(self) -> Iterator[HybridGop]:
        """Yield the GOPs as they lie in the file."""
        return self._reader.gops()

    def seek(self, offset: int, *, stream: VideoStreamInfo | None = None) -> None:
        """Go to the GOP that holds a time; what is decoded next begins with its keyframe, as in PyAV.

        Args:
            offset: in microseconds, or in units of the stream's time base where one is given.
            stream: one of :attr:`streams`.
        """
        base = stream.time_base if stream else Fraction(1, av.time_base)
        self._reader.seek(round(offset * base / self._reader.time_base))

    def decode(self, *, video: int = 0) -> Iterator[av.VideoFrame]:
        """Decode restored frames in output order, GOP after GOP, with the file's timestamps.

        Keyframes of the next GOPs are made meanwhile; a few GOPs are held at a time.

        Raises:
            ValueError: a stream other than 0.
            VerificationError: a keyframe or a picture that differs from its hash.
        """
        if video != 0:
            raise ValueError(f"there is one video stream, number 0, not {video}")
        given: deque[_Given] = deque()
        with (
            closing(GopDecoder(threads=self._threads)) as decoder,
            closing(
                restored_gops(self._reader, threads=self._threads, generator_decode=self._generator_decode)
            ) as gops,
        ):
            try:
                for index, gop in enumerate(gops):
                    given.append(_Given(index, gop, len(gop.access_units)))
                    yield from _counted(decoder.decode(gop.access_units, gop.parameter_sets, gop.time_base), given)
                yield from _counted(decoder.flush(), given)
            except VerificationError:
                self._blame(given)
                raise
        self._blame(given)

    def _blame(self, given: deque[_Given]) -> None:
        """Name the GOP whose pictures do not come: the decoder reports errors pictures later."""
        for entry in given:
            with located(self._reader, entry.index, entry.gop):
                check_decodes(entry.gop.access_units, entry.gop.parameter_sets)


@dataclass(slots=True)
class _Given:
    """A GOP that the decoder has, and how many of its frames are still to come."""

    index: int
    gop: RestoredGop
    frames: int


def _counted(frames: Iterator[av.VideoFrame], given: deque[_Given]) -> Iterator[av.VideoFrame]:
    for frame in frames:
        given[0].frames -= 1
        if not given[0].frames:
            given.popleft()
        yield frame


def open(  # noqa: A001 - as in av.open
    path: str | PathLike[str], *, threads: int | None = None, generator_decode: GeneratorDecode | None = None
) -> HybridContainer | OrdinaryContainer:
    """Open a file for decoding; ``generator_decode`` says by which model the keyframes of a hybrid one are made.

    A file that is not hybrid is decoded as it is, which ``is_hybrid`` tells. Standard input must be hybrid.

    Raises:
        NotHybridError: no media file, or one without video.
        CorruptDataError, UnsupportedError, OSError: see :class:`ffhybrid.muxer.reading.reader.HybridReader`.
    """
    try:
        return HybridContainer(path, threads=threads, generator_decode=generator_decode)
    except NotHybridError:
        # What was read of a pipe is gone.
        if Path(path) == STANDARD_INPUT:
            raise
        return OrdinaryContainer(Path(path))
