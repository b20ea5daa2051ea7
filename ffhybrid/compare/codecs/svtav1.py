"""SVT-AV1 through PyAV."""

from __future__ import annotations

from pathlib import Path

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs import svt_av1_process
from ffhybrid.compare.codecs.pyav import PyAVCodec
from ffhybrid.compare.selection import Selection
from ffhybrid.encoder.secant_search import Control

PRESET = 4
"""The preset of SVT-AV1, which has 0 (best) to 13."""
STEPS = 4
"""Steps between two quantisers, which are a quarter of a CRF apart."""


class SvtAv1(PyAVCodec):
    """One keyframe a GOP, closed GOPs.

    The CRF goes in quarters, which change sizes by more than a per cent. Between two of them the quantiser of luma's
    DC alone gets coarser, in :data:`STEPS` steps.
    """

    def __init__(self, selection: Selection) -> None:
        control = Control(low=1, high=70, step=0.25 / STEPS, slope=-0.06)
        super().__init__("svtav1", "libsvtav1", control, selection, first_crf=45)

    def options(self, crf: float, *, frames: int = 1) -> dict[str, str]:  # noqa: ARG002 - x265 has zones of frames
        """Give options of FFmpeg's wrapper."""
        quantiser, step = divmod(round(crf * 4 * STEPS), STEPS)
        params = f"keyint={self.selection.gop_length}:irefresh-type=2:scd=0:crf={quantiser / 4:.2f}"
        return {"preset": str(PRESET), "svtav1-params": f"{params}:luma-y-dc-qindex-offset={step}"}

    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Encode at a CRF."""
        with svt_av1_process.contained():
            super().encode_at(clip, path, value)
