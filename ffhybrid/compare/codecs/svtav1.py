"""SVT-AV1 through PyAV."""

from __future__ import annotations

from pathlib import Path

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs.pyav import PyAVCodec
from ffhybrid.encoder.secant_search import Control
from ffhybrid.filters.overfit import svt_av1

PRESET = 4
"""The preset of SVT-AV1, which has 0 (best) to 13."""


class SvtAv1(PyAVCodec):
    """One keyframe a GOP, closed GOPs; the CRF goes in quarters."""

    def __init__(self, *, gop_length: int) -> None:
        super().__init__("svtav1", "libsvtav1", Control(low=1, high=70, step=0.25, slope=-0.06), first_crf=45)
        self._gop_length = gop_length

    def options(self, crf: float, *, frames: int = 1) -> dict[str, str]:  # noqa: ARG002 - x265 has zones of frames
        """Give options of FFmpeg's wrapper."""
        params = f"keyint={self._gop_length}:irefresh-type=2:scd=0:crf={crf:.2f}"
        return {"preset": str(PRESET), "svtav1-params": params}

    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Encode at a CRF."""
        with svt_av1.contained():
            super().encode_at(clip, path, value)
