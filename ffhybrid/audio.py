"""The source's first audio track, copied beside the video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av

from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.media import open_media
from ffhybrid.muxer.tracks import AudioPacket, AudioTrack, audio_packet, audio_track


class AudioSource:
    """Packets of the first audio track, read through a handle of its own."""

    def __init__(self, container: av.container.InputContainer | None, stream: av.AudioStream | None) -> None:
        self._container = container
        self.stream = stream
        self._next: AudioPacket | None = None
        self._packets = self._read()

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, wanted: bool) -> Iterator[AudioSource]:
        """Open the audio, or nothing where it is not wanted.

        Raises:
            UnsupportedError: the source has streams that this version would lose.
        """
        with open_media(path, otherwise=CorruptDataError) as container:
            copied = {*container.streams.video[:1], *container.streams.audio[:1]}
            others = [f"{stream.type} stream {stream.index}" for stream in container.streams if stream not in copied]
            if others and wanted:
                raise UnsupportedError(
                    f"{path}: {', '.join(others)} cannot be carried yet; give -an to keep the video alone"
                )
            stream = container.streams.audio[0] if wanted and container.streams.audio else None
            yield cls(container, stream)

    @property
    def track(self) -> AudioTrack | None:
        """The track's description."""
        return audio_track(self.stream) if self.stream else None

    def _read(self) -> Iterator[AudioPacket]:
        if self._container is None or self.stream is None:
            return
        for packet in self._container.demux(self.stream):
            if packet.size and packet.pts is not None and packet.pts >= 0:
                yield audio_packet(packet)

    def before(self, end: Fraction) -> Iterator[AudioPacket]:
        """Packets that begin before ``end`` seconds and were not given yet."""
        while True:
            packet = self._next or next(self._packets, None)
            self._next = packet
            if packet is None or packet.pts >= end:
                return
            self._next = None
            yield packet

    def rest(self) -> Iterator[AudioPacket]:
        """All packets that were not given yet."""
        if self._next is not None:
            yield self._next
        yield from self._packets
