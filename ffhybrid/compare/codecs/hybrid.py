"""Our own files: encoded to a bitrate, and restored."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from ffhybrid import hevc
from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs.base import Encoded, Note, with_container
from ffhybrid.encoder.gop_encoder import GopReport, generator_decode_of
from ffhybrid.encoder.options import Rate
from ffhybrid.encoder.progress import GopProgress
from ffhybrid.encoding import encode
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.options import EncodeOptions
from ffhybrid.probing import probe
from ffhybrid.restorer.splice import NATIVE_IDR
from ffhybrid.restoring import restore


class Hybrid:
    """Generated keyframes, P and B frames by x265."""

    name = "hybrid"

    def __init__(self, options: EncodeOptions) -> None:
        self._options = replace(options, frames=None, container_format=None)

    @property
    def settings(self) -> Mapping[str, object]:
        """All options of :func:`ffhybrid.encode`."""
        return asdict(self._options)

    def encode(self, clip: Clip, target: Path, *, bitrate: int, note: Note) -> Encoded:
        """Encode by rate control."""
        options = replace(self._options, rate=Rate(bitrate=bitrate))
        gops: list[GopReport] = []

        def on_progress(progress: GopProgress) -> None:
            note(str(progress))

        def on_gop(gop: GopReport) -> None:
            gops.append(gop)
            note(f"GOP {gop.index}: {gop.generator}, {gop.payload} + {gop.inter} bytes")

        began = time.monotonic()
        encode(clip.path, target, options=options, overwrite=True, on_gop=on_gop, on_progress=on_progress)
        crfs = ", ".join(f"{gop.crf:.1f}" for gop in gops)
        generated = sum(gop.generator != NATIVE_IDR for gop in gops)
        control = f"CRF {crfs}; {generated} of {len(gops)} keyframes generated"
        return Encoded(control=control, encodes=1, seconds=time.monotonic() - began)

    def show(self, stream: Path, folder: Path) -> Path:
        """Restore."""
        shown = folder / f"restored-{stream.name}"
        restore(stream, shown, overwrite=True, generator_decode=generator_decode_of(self._options))
        return shown

    def typed(self, stream: Path, shown: Path) -> Path:  # noqa: ARG002 - other codecs show their streams
        """Return the restored file; in the hybrid one keyframes are placeholders."""
        return shown

    def split(self, stream: Path, types: Mapping[int, str]) -> dict[str, int]:
        """Sum payloads, placeholders, and pictures by the type that they have in the restored file."""
        sizes: Counter[str] = Counter()
        for gop in probe(stream).gops:
            sizes["latent"] += gop.latent_bytes
            sizes["payload"] += gop.payload_bytes - gop.latent_bytes
            sizes["I" if gop.generator == NATIVE_IDR else "placeholder"] += gop.placeholder_bytes
        with HybridReader(stream) as reader:
            for hybrid in reader.gops():
                for unit in hybrid.inter:
                    packet = hevc.join_length_prefixed(unit.nal_units)
                    sizes[types[round(1000 * unit.pts * hybrid.time_base)]] += len(packet)
        return with_container(sizes, stream)
