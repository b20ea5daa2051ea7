"""Base of the codecs of a comparison: each turns a clip into one Matroska file of a wanted size."""

from __future__ import annotations

import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av
from av.video.frame import PictureType

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.selection import Selection
from ffhybrid.encoder.secant_search import Control, Probe, SecantSearch

TOLERANCE = 0.005
MOST_PROBES = 8
"""The most encodes until a file's size is met."""

PARTS = ("latent", "payload", "placeholder", "I", "P", "B", "network", "container")
"""Parts of a file's bytes: latents; rest of payloads; grey placeholders; pictures by type; a network; all else."""

Note = Callable[[str], None]
"""A function that is told what is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """How a file came about: ``control`` is what the search ended with, in words.

    ``seconds`` are those of the whole search, of ``encodes`` encodes; a codec that searches within counts one.
    """

    control: str
    encodes: int
    seconds: float


class Codec(Protocol):
    """One codec with its settings."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Everything that a file depends on beside clip and size; stands in the report."""

    def encode(self, clip: Clip, target: Path, *, bitrate: int, note: Note) -> Encoded:
        """Make ``target`` of so many bits a second.

        Raises:
            EncoderError: the encoder failed.
        """

    def show(self, stream: Path, folder: Path) -> Path:
        """Turn an encoded file into one that any decoder plays, in ``folder`` where that is another one."""

    def typed(self, stream: Path, shown: Path) -> Path:
        """Choose the file whose pictures have the types that :meth:`split` wants to know."""

    def split(self, stream: Path, types: Mapping[int, str]) -> dict[str, int]:
        """Say what the bytes of a file are (:data:`PARTS`), by the types of the pictures that it shows."""


class SearchedCodec(ABC):
    """A codec that codes a whole file at one value of a control, which is searched until the file has its size.

    Of that file and as many of neighbouring values as ``selection`` says, the best one is kept.
    """

    def __init__(self, name: str, control: Control, selection: Selection) -> None:
        self.name = name
        self.selection = selection
        self.search = SecantSearch(control=control, tolerance=TOLERANCE, most_probes=MOST_PROBES)

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, object]:
        """Encoder, options, and how many candidates."""

    @abstractmethod
    def first(self, bitrate: int) -> float:
        """Guess the value that gives so many bits a second."""

    @abstractmethod
    def in_words(self, value: float) -> str:
        """Say what a value of the control means."""

    @abstractmethod
    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Make a file."""

    def encode(self, clip: Clip, target: Path, *, bitrate: int, note: Note) -> Encoded:
        """Search the control; later sizes of the same clip profit from what earlier ones showed."""
        began = time.monotonic()
        wanted = clip.bytes_at(bitrate)
        first = self.search.towards(wanted) if self.search.has_begun else self.first(bitrate)
        with tempfile.TemporaryDirectory(prefix="trials-", dir=target.parent) as folder:

            def probe(value: float) -> Probe[Path]:
                note(self.in_words(value))
                path = Path(folder) / f"{value}{target.suffix}"
                self.encode_at(clip, path, value)
                size = path.stat().st_size
                return Probe(size, wanted, size / wanted, path)

            met = self.search.meet(probe, first=first)
            tries = {met.setting: met.result}
            if self.selection.has_size(_size(met.result), wanted):
                ratio = wanted / _size(met.result)
                others = self.search.control.neighbours(met.setting, ratio=ratio, count=self.selection.candidates)
                tries |= {value: probe(value).result for value in others}
            chosen = self._chosen(clip, tries, wanted, Path(folder))
            tries[chosen].replace(target)
        encodes = met.encodes + len(tries) - 1
        return Encoded(control=self.in_words(chosen), encodes=encodes, seconds=time.monotonic() - began)

    def _chosen(self, clip: Clip, tries: Mapping[float, Path], wanted: int, folder: Path) -> float:
        """Choose between files by their values of the control, the first of which met the size as far as any did."""
        equal = {value: path for value, path in tries.items() if self.selection.has_size(_size(path), wanted)}
        if len(equal) < 2:
            return next(iter(tries))
        costs = {
            value: self.selection.cost(clip, self.show(path, folder), size=_size(path), wanted=wanted)
            for value, path in equal.items()
        }
        return min(costs, key=costs.__getitem__)

    def show(self, stream: Path, folder: Path) -> Path:  # noqa: ARG002 - hybrid files need a folder
        """Return the file itself."""
        return stream

    def typed(self, stream: Path, shown: Path) -> Path:  # noqa: ARG002 - hybrid files show other types
        """Return the file itself."""
        return stream

    def split(self, stream: Path, types: Mapping[int, str]) -> dict[str, int]:
        """Sum the packets by the type of the picture that each of them shows."""
        sizes: Counter[str] = Counter()
        with av.open(stream) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    sizes[types[_milliseconds(packet)]] += packet.size
        return with_container(sizes, stream)


def picture_types(path: Path) -> dict[int, str]:
    """Decode a video; gives ``I``, ``P`` or ``B`` by the time in milliseconds."""
    with av.open(path) as container:
        return {_milliseconds(frame): PictureType(frame.pict_type).name[-1] for frame in container.decode(video=0)}


def with_container(sizes: Mapping[str, int], path: Path) -> dict[str, int]:
    """Complete a split: what is left of the file is the container's."""
    split = {part: sizes.get(part, 0) for part in PARTS}
    split["container"] = path.stat().st_size - sum(split.values())
    return split


def _size(path: Path) -> int:
    return path.stat().st_size


def _milliseconds(item: av.Packet[av.VideoStream] | av.VideoFrame) -> int:
    return round(1000 * (item.pts or 0) * (item.time_base or 0))
