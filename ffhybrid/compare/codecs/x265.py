"""libx265 alone: at its defaults, and at the options that serve it best at low rates."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs.pyav import PyAVCodec
from ffhybrid.compare.selection import Selection
from ffhybrid.encoder.crf_search import CRF_STEP
from ffhybrid.encoder.secant_search import Control
from ffhybrid.x265.lambda_tables import LAMBDA_FILE, lambda_tables
from ffhybrid.x265.options import HIGHEST_CRF, HIGHEST_X265_CRF, QUANTISER_CAP, X265Options, keyframe_zones


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What x265 alone is given on top of a preset.

    Args:
        params: options of x265.
        keyframe_factor: times the bits that x265 would give keyframes.
        quantiser_cap: the CRF from which on bits weigh more instead of a coarser quantiser, by tables of lambdas.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    keyframe_factor: float = 1
    quantiser_cap: float = HIGHEST_X265_CRF


DEFAULTS = Tuning()
BEST = Tuning(
    params={
        "wpp": "0",
        "no-sao": "1",
        "aq-mode": "3",
        "bframes": "8",
        "b-adapt": "2",
        "rc-lookahead": "60",
        "ref": "5",
        "rd": "5",
        "rskip": "0",
    },
    keyframe_factor=3,
    quantiser_cap=QUANTISER_CAP,
)
"""The best that was found for x265 alone at 0.003 to 0.02 bits per pixel (docs/COMPARE.md)."""
SMALLEST = 64
"""Samples of a side of a picture that x265 takes at any preset."""


class X265(PyAVCodec):
    """One keyframe a GOP, closed GOPs, nothing between the pictures.

    CRFs reach as far as those of hybrid files, by tables of lambdas like theirs, and go in the same steps.
    """

    def __init__(self, name: str, selection: Selection, *, preset: str, tuning: Tuning) -> None:
        control = Control(low=0, high=HIGHEST_CRF, step=CRF_STEP, slope=-0.115)
        super().__init__(name, "libx265", control, selection, first_crf=34)
        self._preset, self._tuning = preset, tuning
        length = str(selection.gop_length)
        structure = {"keyint": length, "min-keyint": length, "scenecut": "0", "open-gop": "0", "info": "0"}
        self._params = {**structure, **tuning.params, "log-level": "error"}
        self._folder = tempfile.TemporaryDirectory(prefix="ffhybrid-x265-")

    @property
    def settings(self) -> Mapping[str, object]:
        """Those of any encoder of FFmpeg, and what shows at high CRFs alone."""
        return {**super().settings, "quantiser_cap": self._tuning.quantiser_cap}

    def options(self, crf: float, *, frames: int = 1) -> dict[str, str]:
        """Give options of FFmpeg's wrapper."""
        factor = self._tuning.keyframe_factor
        common = X265Options(crf=crf, preset=self._preset, quantiser_cap=self._tuning.quantiser_cap)
        keyframes = range(0, frames, self.selection.gop_length)
        params = {**self._params, **(keyframe_zones(keyframes, factor=factor) if factor != 1 else {})}
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
