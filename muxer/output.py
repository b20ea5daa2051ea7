"""Outputs: where files are written to, and as what; Matroska by our own writer, everything else through PyAV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from ffhybrid.core.atomic_files import PIPE, pending_files, pending_output, standard_output
from ffhybrid.errors import UsageError
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.libav.checked_options import FILES_FROM_HERE, checked_options
from ffhybrid.muxer.libav.format_check import check_format
from ffhybrid.muxer.libav.muxer_options import muxer_name
from ffhybrid.muxer.libav.writer import LibavWriter
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.streams.values import OtherStreams

Writer = MatroskaWriter | LibavWriter

MATROSKA = "matroska"
MATROSKA_SUFFIXES = (".mkv", ".mka", ".mk3d")
CONTAINER_SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".ts": "mpegts", ".nut": "nut"}
PLAYLIST_SUFFIXES = {".m3u8": "hls", ".mpd": "dash"}
HLS, SEGMENTS = "hls", frozenset({"segment", "ssegment", "stream_segment"})
MULTI_FILE = frozenset({*PLAYLIST_SUFFIXES.values(), *SEGMENTS})
"""Formats whose muxers write several files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output: a path or :data:`PIPE`, FFmpeg's name of a format, and options of its muxer by FFmpeg's names.

    Without a format the path tells it; a pipe is Matroska. Our Matroska writer has no options.

    Raises:
        UsageError: several files into a pipe, options that the muxer does not have, or that name files elsewhere.
    """

    output: Path
    container_format: str | None = None
    format_options: Mapping[str, str] = field(default_factory=dict)
    muxer_options: Mapping[str, str] = field(init=False, compare=False, repr=False)
    """The same as libavformat's muxer gets them: those of segments in an option of their own."""

    def __post_init__(self) -> None:
        if self.is_multi_file and self.output == PIPE:
            raise UsageError(f"{self.format} is several files, which a pipe does not take")
        if self.is_matroska and self.format_options:
            name = next(iter(self.format_options))
            raise UsageError(f"{self.output}: Matroska is written without -{name}: our own writer takes no options")
        object.__setattr__(self, "muxer_options", self._checked_options())

    @property
    def format(self) -> str | None:
        """The format, None where libavformat is to tell it by the name of the file."""
        return self.container_format or PLAYLIST_SUFFIXES.get(self.output.suffix.lower())

    @property
    def is_matroska(self) -> bool:
        """Whether our own writer writes it."""
        if self.format:
            return self.format == MATROSKA
        return self.output == PIPE or self.output.suffix.lower() in MATROSKA_SUFFIXES

    @property
    def container(self) -> str:
        """The format of the file or of its segments; a name without a well-known suffix is taken for Matroska."""
        if self.is_matroska:
            return MATROSKA
        return self._format_of_files() or CONTAINER_SUFFIXES.get(self.output.suffix.lower(), MATROSKA)

    @property
    def is_multi_file(self) -> bool:
        """Whether it is a playlist or a manifest and the files that it names."""
        return self.format in MULTI_FILE

    def carriage(self, wanted: Carriage | None) -> Carriage:
        """Where payloads lie: in a track in Matroska unless something else is wanted, else in band.

        Raises:
            UsageError: a track in another format.
        """
        if wanted is Carriage.TRACK and not self.is_matroska:
            raise UsageError(f"{self.output}: the carriage 'track' is for Matroska, use -carriage inband")
        return wanted or (Carriage.TRACK if self.is_matroska else Carriage.INBAND)

    def check(self, other_streams: OtherStreams) -> None:
        """See that the format takes what is to travel beside the video, and values of its options.

        Raises:
            UnsupportedError: it does not. Matroska is another matter: see :meth:`OtherStreamReader.check_matroska`.
        """
        if not self.is_matroska:
            options = {} if self.is_multi_file else self.muxer_options
            check_format(self.output, self._format_of_files(), other_streams, options)

    def _format_of_files(self) -> str | None:
        if self.format == HLS:
            return "mp4" if self.format_options.get("hls_segment_type") == "fmp4" else "mpegts"
        if self.format in SEGMENTS:
            return self.format_options.get("segment_format")
        return "mp4" if self.is_multi_file else self.format

    def _checked_options(self) -> dict[str, str]:
        muxer = muxer_name(self.format, self.output.name) if self.format_options else None
        if muxer is None:
            return dict(self.format_options)
        segments = muxer_name(self._format_of_files(), self.output.name) if self.is_multi_file else None
        return checked_options(self.output, muxer, segments, self.format_options)

    @contextmanager
    def pending(self, *, overwrite: bool) -> Iterator[PendingOutput]:
        """Give what is to be written; it gets its name, or names, when it is complete.

        Raises:
            UsageError: see :func:`pending_output` and :func:`pending_files`.
        """
        opened: AbstractContextManager[Path] = nullcontext(PIPE)
        if self.is_multi_file:
            opened = pending_files(self.output, overwrite=overwrite)
        elif self.output != PIPE:
            opened = pending_output(self.output, overwrite=overwrite)
        with opened as path:
            yield PendingOutput(self, path)


@dataclass(frozen=True, slots=True)
class PendingOutput:
    """An output that is being written into ``path``, its temporary name."""

    target: Output
    path: Path

    @contextmanager
    def open(
        self, *, video: VideoTrack, other_streams: OtherStreams, time_base: Fraction, carriage: Carriage | None
    ) -> Iterator[Writer]:
        """Open a writer; ``carriage`` is that of Matroska, None without payloads. Elsewhere they are in band."""
        file = standard_output() if self.path == PIPE else None
        if not self.target.is_matroska:
            with LibavWriter(
                file or self.path,
                video=video,
                time_base=time_base,
                other_streams=other_streams,
                container_format=self.target.format,
                options=self._options(),
            ) as libav_writer:
                yield libav_writer
            return
        with (
            file or self.path.open("wb") as opened,
            MatroskaWriter(opened, video=video, other_streams=other_streams, carriage=carriage) as writer,
        ):
            yield writer

    def _options(self) -> dict[str, str]:
        """Options of the muxer; without others, HLS lists all segments, not the last five."""
        options = dict(self.target.muxer_options)
        for name in FILES_FROM_HERE:
            if name in options:
                options[name] = str(self.path.with_name(options[name]))
        return {"hls_list_size": "0", **options} if self.target.format == HLS else options

    def size(self) -> int:
        """Bytes of all files written, 0 for a pipe."""
        if self.path == PIPE:
            return 0
        files = self.path.parent.iterdir() if self.target.is_multi_file else [self.path]
        return sum(file.stat().st_size for file in files)
