"""libx265 alone: at its defaults, and at the options that serve it best at low rates."""

from __future__ import annotations

from collections.abc import Mapping

from ffhybrid.compare.codecs.pyav import PyAVCodec
from ffhybrid.compare.size_search import SizeSearch

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


class X265(PyAVCodec):
    """One keyframe a GOP, closed GOPs, nothing between the pictures; ``extra`` options on top of a preset."""

    def __init__(self, name: str, *, preset: str, gop_length: int, extra: Mapping[str, str]) -> None:
        super().__init__(name, "libx265", SizeSearch(low=0, high=51, step=0.01, slope=-0.115), first_crf=34)
        self._preset = preset
        length = str(gop_length)
        structure = {"keyint": length, "min-keyint": length, "scenecut": "0", "open-gop": "0", "info": "0"}
        self._params = ":".join(f"{key}={value}" for key, value in {**structure, **extra, "log-level": "error"}.items())

    def options(self, crf: float) -> dict[str, str]:
        """Give options of FFmpeg's wrapper."""
        return {"preset": self._preset, "x265-params": self._params, "crf": f"{crf:.2f}"}
