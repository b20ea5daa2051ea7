"""Encoders of FFmpeg through PyAV, their CRF searched.

A CRF is searched rather than a bitrate given to two passes, since both share bits alike and the search meets the
size more closely (docs/COMPARE.md has figures).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import av
from av.container import OutputContainer

from ffhybrid.compare.clip import Clip, tag_colour
from ffhybrid.compare.codecs.base import SearchedCodec
from ffhybrid.compare.selection import Selection
from ffhybrid.core.frames import PIXEL_FORMATS
from ffhybrid.encoder.secant_search import Control
from ffhybrid.errors import EncoderError

MUXER = {"fflags": "+bitexact"}
"""No random identifiers, no dates, no names of libraries: fewer bytes, and always the same."""


class PyAVCodec(SearchedCodec):
    """A whole file at one CRF; ``first_crf`` begins the search."""

    def __init__(self, name: str, encoder: str, control: Control, selection: Selection, *, first_crf: float) -> None:
        super().__init__(name, control, selection)
        self._encoder = encoder
        self._first_crf = first_crf

    @abstractmethod
    def options(self, crf: float, *, frames: int = 1) -> dict[str, str]:
        """Give the encoder's options at a CRF, for so many frames."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Encoder, options and candidates; the CRF stands for the one searched."""
        return {"encoder": self._encoder, **self.options(0), "candidates": self.selection.candidates}

    def first(self, bitrate: int) -> float:  # noqa: ARG002 - other controls depend on it
        """Return the first CRF."""
        return self._first_crf

    def in_words(self, value: float) -> str:
        """Say the CRF."""
        return f"CRF {value:.2f}"

    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Encode at a CRF."""
        try:
            with av.open(path, "w", format="matroska", container_options=MUXER) as container:
                stream = self.stream(container, clip, self.options(value, frames=clip.frames))
                for frame in clip.video_frames():
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
        except av.error.FFmpegError as error:
            raise EncoderError(f"{clip.name}: {self._encoder} failed: {error}") from error

    def stream(self, container: OutputContainer, clip: Clip, options: dict[str, str]) -> av.VideoStream:
        """Add a stream for a clip's pictures to a file."""
        stream = cast(av.VideoStream, container.add_stream(self._encoder, clip.frame_rate, options))
        stream.width, stream.height = clip.spec.width, clip.spec.height
        stream.pix_fmt = PIXEL_FORMATS[clip.spec.bit_depth]
        tag_colour(stream.codec_context, clip.spec.colour)
        return stream
