"""libx265 alone: at its defaults, and at the options that serve it best at low rates."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ffhybrid.compare.codecs.pyav import PyAVCodec
from ffhybrid.control_search import Control
from ffhybrid.lambda_tables import HIGHEST_QP, LAMBDA_FILE, lambda_tables
from ffhybrid.x265_options import HIGHEST_CRF, X265Options

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
KEYFRAME_OFFSET = -1
"""From the CRF to the QP that is forced on keyframes: a lower one than x265's own choice at low rates."""


class X265(PyAVCodec):
    """One keyframe a GOP, closed GOPs, nothing between the pictures; ``extra`` options on top of a preset.

    CRFs reach as far as those of hybrid files, by tables of lambdas like theirs. With a ``keyframe_offset`` keyframes
    have a QP so far from the CRF, else x265 decides.
    """

    def __init__(
        self,
        name: str,
        *,
        preset: str,
        gop_length: int,
        extra: Mapping[str, str],
        keyframe_offset: int | None = None,
    ) -> None:
        super().__init__(name, "libx265", Control(low=0, high=HIGHEST_CRF, step=0.01, slope=-0.115), first_crf=34)
        self._preset, self._gop_length, self._keyframe_offset = preset, gop_length, keyframe_offset
        length = str(gop_length)
        structure = {"keyint": length, "min-keyint": length, "scenecut": "0", "open-gop": "0", "info": "0"}
        self._params = {**structure, **extra, "log-level": "error"}
        self._folder = tempfile.TemporaryDirectory(prefix="ffhybrid-x265-")

    def options(self, crf: float, *, frames: int = 1) -> dict[str, str]:
        """Give options of FFmpeg's wrapper."""
        common = X265Options(crf=crf, preset=self._preset)
        params = {**self._params, **self._zones(crf, frames)}
        if common.excess:
            tables = Path(self._folder.name) / LAMBDA_FILE
            tables.write_text(lambda_tables(excess=common.excess))
            params = {**params, "lambda-file": str(tables)}
        text = ":".join(f"{key}={value}" for key, value in params.items())
        return {"preset": self._preset, "x265-params": text, "crf": f"{common.x265_crf:.2f}"}

    def _zones(self, crf: float, frames: int) -> dict[str, str]:
        """Force the QP of keyframes; a zone ends before its second number."""
        if self._keyframe_offset is None:
            return {}
        qp = min(max(round(crf) + self._keyframe_offset, 0), HIGHEST_QP)
        return {"zones": "/".join(f"{start},{start + 1},q={qp}" for start in range(0, frames, self._gop_length))}
