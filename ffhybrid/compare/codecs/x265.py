"""libx265 alone: at its defaults, and at the options that serve it best at low rates."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs.pyav import PyAVCodec
from ffhybrid.encoder.secant_search import Control
from ffhybrid.x265.lambda_tables import LAMBDA_FILE, lambda_tables
from ffhybrid.x265.options import (
    FULL_HYBRID,
    HIGHEST_CRF,
    HIGHEST_X265_CRF,
    NATIVE_QUANTISER_CAP,
    X265Options,
    keyframe_zones,
)

BEST = {
    "wpp": "0",
    "no-sao": "1",
    "deblock": "-6,-6",
    "aq-mode": "3",
    "bframes": "8",
    "b-adapt": "2",
    "rc-lookahead": "60",
    "ref": "5",
}
"""Options that lower LPIPS most at 0.003 to 0.02 bits per pixel (docs/COMPARE.md)."""
KEY = {**BEST, **FULL_HYBRID}
"""Options that help too where keyframes get more bits than x265 gives them."""
SMALLEST = 64
"""Samples of a side of a picture that x265 takes at any preset."""


class X265(PyAVCodec):
    """One keyframe a GOP, closed GOPs, nothing between the pictures; ``extra`` options on top of a preset.

    CRFs reach as far as those of hybrid files, by tables of lambdas like theirs. Where ``favours_keyframes`` these get
    as many more bits than x265 gives them as those of hybrid files do, and those tables begin where theirs do.
    """

    def __init__(
        self,
        name: str,
        *,
        preset: str,
        gop_length: int,
        extra: Mapping[str, str],
        favours_keyframes: bool = False,
    ) -> None:
        super().__init__(name, "libx265", Control(low=0, high=HIGHEST_CRF, step=0.01, slope=-0.115), first_crf=34)
        self._preset, self._gop_length, self._favours_keyframes = preset, gop_length, favours_keyframes
        length = str(gop_length)
        structure = {"keyint": length, "min-keyint": length, "scenecut": "0", "open-gop": "0", "info": "0"}
        self._params = {**structure, **extra, "log-level": "error"}
        self._folder = tempfile.TemporaryDirectory(prefix="ffhybrid-x265-")

    def options(self, crf: float, *, frames: int = 1) -> dict[str, str]:
        """Give options of FFmpeg's wrapper."""
        cap = NATIVE_QUANTISER_CAP if self._favours_keyframes else HIGHEST_X265_CRF
        common = X265Options(crf=crf, preset=self._preset, quantiser_cap=cap)
        zones = keyframe_zones(range(0, frames, self._gop_length)) if self._favours_keyframes else {}
        params = {**self._params, **zones}
        if common.lambda_offset:
            params["lambda-file"] = self._write_tables(common.lambda_offset)
        return {"preset": self._preset, "x265-params": _joined(params), "crf": f"{common.x265_crf:.2f}"}

    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Encode at a CRF, as a new process would."""
        self._forget_tables()
        super().encode_at(clip, path, value)

    def _forget_tables(self) -> None:
        """Open an encoder with x265's own tables: libx265 keeps those of one encode for the next."""
        context = av.CodecContext.create("libx265", "w")
        context.width = context.height = SMALLEST
        context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
        context.options = {"x265-params": _joined({"lambda-file": self._write_tables(0), "log-level": "error"})}
        context.open()

    def _write_tables(self, lambda_offset: float) -> str:
        path = Path(self._folder.name) / LAMBDA_FILE
        path.write_text(lambda_tables(lambda_offset=lambda_offset))
        return str(path)


def _joined(params: Mapping[str, str]) -> str:
    return ":".join(f"{key}={value}" for key, value in params.items())
