"""Super-resolution: HEVC at half size, and a network that doubles it (NAS, NEMO: Yeo et al., 2018 and 2020)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av

from ffhybrid.compare.clip import Clip, write_lossless
from ffhybrid.compare.codecs.base import Encoded, Note, SearchedCodec
from ffhybrid.compare.codecs.pyav import MUXER
from ffhybrid.compare.codecs.x265 import BEST, X265
from ffhybrid.compare.selection import Selection
from ffhybrid.core.atomic_files import pending_output
from ffhybrid.core.frames import frame_picture, video_frame
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError, ModelError, UsageError
from ffhybrid.source.resizing import resized
from ffhybrid.source.video import VideoSource

if TYPE_CHECKING:
    from ffhybrid.compare.superresolution import Doubler

SIDE_UNIT = 4
"""Sides are multiples of it, so that half of them is even."""
LEAST_SIDE = 64
"""Half of it is the least that libx265 takes; below 32 it aborts."""
LEARNT_INTERVAL = 4
"""A network for the clip alone learns from one frame of so many."""
MOST_LEARNT = 64
ATTACHMENT = ("network", "application/octet-stream")


class Sr(SearchedCodec):
    """x265 at its best options and half the size, doubled.

    Args:
        selection: how many candidates, and the length of GOPs.
        preset: x265's.
        weights: of FSRCNN, in safetensors, which reader and writer have; without them a small network is fitted to
            the clip and travels in the file.
    """

    def __init__(self, selection: Selection, *, preset: str, weights: Path | None) -> None:
        self._inner = X265("sr", selection, preset=preset, tuning=BEST)
        super().__init__("sr", self._inner.search.control, selection)
        self._weights = weights
        self._network: bytes | None = None

    @property
    def settings(self) -> Mapping[str, object]:
        """Encoder, options, and which network."""
        return {**self._inner.settings, "network": _digest(self._weights) if self._weights else "fitted to the clip"}

    def first(self, bitrate: int) -> float:
        """Return the first CRF."""
        return self._inner.first(bitrate)

    def in_words(self, value: float) -> str:
        """Say the CRF, and what the network takes."""
        network = f", network of {len(self._network)} bytes" if self._network else ""
        return self._inner.in_words(value) + network

    def encode(self, clip: Clip, target: Path, *, bitrate: int, note: Note) -> Encoded:
        """Search the CRF; the network is fitted to what the first one gives.

        Raises:
            UsageError: sides that cannot be halved.
            ModelError: there are no weights in the file that is named.
        """
        sides = (clip.spec.width, clip.spec.height)
        if any(side % SIDE_UNIT or side < LEAST_SIDE for side in sides):
            size = f"{clip.spec.width}x{clip.spec.height}"
            raise UsageError(
                f"sr cannot halve {size}: sides are multiples of {SIDE_UNIT} from {LEAST_SIDE} on (give -s)"
            )
        self._network = None
        return super().encode(clip, target, bitrate=bitrate, note=note)

    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Encode half the size at a CRF, and attach the network."""
        self._inner.encode_at(_half(clip), path, value)
        if self._weights:
            return
        if self._network is None:
            self._network = _fitted(clip, path)
        _attach(path, self._network)

    def show(self, stream: Path, folder: Path) -> Path:
        """Double every picture."""
        doubler = self._doubler(stream)
        shown = folder / f"doubled-{stream.name}"
        with VideoSource(stream) as video:
            info = video.info
            spec = replace(info.spec, width=2 * info.spec.width, height=2 * info.spec.height)
            doubled = (video_frame(doubler.picture(frame.picture)) for frame in video.frames())
            write_lossless(shown, doubled, spec, info.frame_rate)
        return shown

    def split(self, stream: Path, types: Mapping[int, str]) -> dict[str, int]:
        """Tell the network from the container."""
        split = super().split(stream, types)
        split["network"] = len(_attached(stream) or b"")
        split["container"] -= split["network"]
        return split

    def _doubler(self, stream: Path) -> Doubler:
        from ffhybrid.compare.overfitting import read_network
        from ffhybrid.compare.superresolution import Doubler

        if self._weights:
            return Doubler.load(self._weights)
        network = _attached(stream)
        if network is None:
            raise CorruptDataError(f"{stream}: there is no network in the file")
        return read_network(network)


def _half(clip: Clip) -> Clip:
    """Halve a clip, once for all rates; it lies beside the clip."""
    spec = replace(clip.spec, width=clip.spec.width // 2, height=clip.spec.height // 2)
    path = clip.path.with_name(f"half-{clip.md5}.mkv")
    if not path.exists():
        write_lossless(path, (resized(picture, spec) for picture in _pictures(clip)), spec, clip.frame_rate)
    return replace(clip, path=path, spec=spec)


def _pictures(clip: Clip) -> Iterator[Picture]:
    return (frame_picture(frame, clip.spec) for frame in clip.video_frames())


def _fitted(clip: Clip, stream: Path) -> bytes:
    """Fit a network to frames as they are decoded."""
    from ffhybrid.compare.overfitting import overfit
    from ffhybrid.compare.superresolution import to_unit

    interval = max(LEARNT_INTERVAL, -(-clip.frames // MOST_LEARNT))
    with VideoSource(stream) as video:
        pairs = [
            (to_unit(small.picture.y, small.picture.bit_depth), to_unit(large.y, large.bit_depth))
            for index, (small, large) in enumerate(zip(video.frames(), _pictures(clip), strict=True))
            if index % interval == 0
        ]
    return overfit(pairs, seed=0)


def _attach(path: Path, data: bytes) -> None:
    """Put a file into a Matroska file."""
    with (
        pending_output(path, overwrite=True) as pending,
        av.open(path) as source,
        av.open(pending, "w", format="matroska", container_options=MUXER) as target,
    ):
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video)
        target.add_attachment(*ATTACHMENT, data)
        for packet in source.demux(video):
            if packet.size:
                packet.stream = stream
                target.mux(packet)


def _attached(path: Path) -> bytes | None:
    with av.open(path) as container:
        return next((bytes(stream.data) for stream in container.streams.attachments if stream.data), None)


def _digest(weights: Path) -> str:
    try:
        return f"SHA-256 {hashlib.sha256(weights.read_bytes()).hexdigest()}"
    except OSError as error:
        raise ModelError(f"{weights} has no weights of FSRCNN: {error}") from error
