"""vvenc (H.266) through the stock ffmpeg: two passes at a bitrate, which is corrected by the bytes of whole files."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs.base import SearchedCodec
from ffhybrid.compare.selection import Selection
from ffhybrid.core import stock
from ffhybrid.encoder.secant_search import Control

PRESET = "medium"
PIXEL_FORMAT = "yuv420p10le"
"""The only one that the wrapper takes."""
THREADS = ("-threads", "1")
"""One thread: with several, the first pass of FFmpeg 9.0.2's vvenc was seen not to end on a busy machine."""


class Vvenc(SearchedCodec):
    """One IDR picture a GOP, the first picture among them."""

    def __init__(self, selection: Selection) -> None:
        control = Control(low=math.log(1000), high=math.log(1e9), step=0.001, slope=1)
        super().__init__("vvenc", control, selection)
        self._params = f"intraperiod={selection.gop_length}:refreshtype=idr:poc0idr=1"

    @property
    def settings(self) -> Mapping[str, object]:
        """Encoder, options and candidates."""
        coding = {"encoder": "libvvenc", "preset": PRESET, "pix_fmt": PIXEL_FORMAT, "vvenc-params": self._params}
        return {**coding, "candidates": self.selection.candidates}

    def first(self, bitrate: int) -> float:
        """Return the logarithm of the bitrate."""
        return math.log(bitrate)

    def in_words(self, value: float) -> str:
        """Say the bitrate."""
        return f"{math.exp(value) / 1000:.1f} kbit/s in two passes"

    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Encode in two passes."""
        source, target = ("-i", clip.path.resolve()), path.resolve()
        coding = ("-c:v", "libvvenc", "-preset", PRESET, "-pix_fmt", PIXEL_FORMAT, "-vvenc-params", self._params)
        rate = ("-b:v", str(round(math.exp(value))), "-passlogfile", "passes", *THREADS)
        with tempfile.TemporaryDirectory(prefix="ffhybrid-vvenc-") as name:
            folder = Path(name)
            stock.run(*source, *coding, *rate, "-pass", "1", "-f", "null", "-", cwd=folder)
            stock.run(
                *source, *coding, *rate, "-pass", "2", "-fflags", "+bitexact", "-f", "matroska", target, cwd=folder
            )
