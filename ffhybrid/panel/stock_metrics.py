"""VMAF, VMAF-NEG, XPSNR, PSNR, SSIM and MS-SSIM of every picture, in one run of stock ffmpeg (libvmaf and xpsnr)."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ffhybrid.core import stock
from ffhybrid.core.frames import PIXEL_FORMATS
from ffhybrid.core.picture import PictureSpec
from ffhybrid.core.resources import usable_cores
from ffhybrid.errors import CorruptDataError
from ffhybrid.panel.values import Reference, Series

LEAST_MS_SSIM_SIDE = 176
"""Eleven samples at the smallest of its five scales."""
_VMAF_LOG, _XPSNR_LOG = "vmaf.json", "xpsnr.log"
_MODELS = {"vmaf": "vmaf_v0.6.1", "vmaf_neg": "vmaf_v0.6.1neg"}
_XPSNR_LINE = re.compile(r"n:\s*\d+\s+XPSNR y:\s*(\S+)\s+XPSNR u:\s*(\S+)\s+XPSNR v:\s*(\S+)")


def run_ffmpeg(source: Reference, shown: Path) -> dict[str, Series]:
    """Compare a decodable file with its source, picture by picture.

    PSNR and XPSNR are in dB over all samples of Y, Cb and Cr, at most 60 at 8 bits and 72 at 10 (libvmaf's limit); the
    others look at luma. ``ms_ssim`` is missing where a side is below 176.

    Raises:
        CorruptDataError: it has another number of pictures.
        EncoderError: ffmpeg failed.
    """
    with tempfile.TemporaryDirectory(prefix="ffhybrid-vmaf-") as name:
        folder = Path(name)
        inputs = ("-i", shown.resolve(), "-i", source.path.resolve())
        outputs = [part for pad in ("[vmaf]", "[xpsnr]") for part in ("-map", pad, "-f", "null", "-")]
        stock.run(*inputs, "-lavfi", _graph(source.spec), "-fps_mode", "passthrough", *outputs, cwd=folder)
        frames = _logged(folder)
        planes = _XPSNR_LINE.findall((folder / _XPSNR_LOG).read_text())
    for found in (frames, planes):
        if len(found) != source.frames:
            raise CorruptDataError(f"{shown}: {len(found)} frames are shown, the source has {source.frames}")
    limit = 6.0 * source.spec.bit_depth + 12
    series = {
        **_columns(frames, {"vmaf": "vmaf", "vmaf_neg": "vmaf_neg", "ssim": "float_ssim"}),
        "xpsnr": tuple(_over_planes([min(float(value), limit) for value in picture]) for picture in planes),
        "psnr": tuple(_over_planes([frame[f"psnr_{plane}"] for plane in ("y", "cb", "cr")]) for frame in frames),
    }
    if can_see_ms_ssim(source.spec):
        series |= _columns(frames, {"ms_ssim": "float_ms_ssim"})
    return {name: Series(values=values) for name, values in series.items()}


def run_libvmaf(metric: str, shown: Path, source: Path, spec: PictureSpec) -> tuple[float, ...]:
    """Compare files of raw pictures, as many in both, by ``vmaf`` or ``vmaf_neg``.

    Raises:
        EncoderError: ffmpeg failed.
    """
    size = f"{spec.width}x{spec.height}"
    raw = ("-f", "rawvideo", "-pixel_format", PIXEL_FORMATS[spec.bit_depth], "-video_size", size)
    with tempfile.TemporaryDirectory(prefix="ffhybrid-vmaf-") as name:
        inputs = (*raw, "-i", shown.resolve(), *raw, "-i", source.resolve())
        stock.run(*inputs, "-lavfi", f"[0:v][1:v]{_libvmaf(metric)}", "-f", "null", "-", cwd=Path(name))
        return _columns(_logged(Path(name)), {metric: metric})[metric]


def _logged(folder: Path) -> list[Mapping[str, float]]:
    return [frame["metrics"] for frame in json.loads((folder / _VMAF_LOG).read_text())["frames"]]


def can_see_ms_ssim(spec: PictureSpec) -> bool:
    """Whether a picture is large enough for MS-SSIM."""
    return min(spec.width, spec.height) >= LEAST_MS_SSIM_SIDE


def _graph(spec: PictureSpec) -> str:
    """Pair pictures by their number, and give them to both filters."""
    by_number = f"settb=1/1000,setpts=N,format={PIXEL_FORMATS[spec.bit_depth]},split"
    features = "name=psnr|name=float_ssim" + ("|name=float_ms_ssim" if can_see_ms_ssim(spec) else "")
    return (
        f"[0:v]{by_number}[ours][ours2];[1:v]{by_number}[theirs][theirs2];"
        f"[ours][theirs]{_libvmaf(*_MODELS)}:feature='{features}'[vmaf];"
        f"[theirs2][ours2]xpsnr=stats_file={_XPSNR_LOG}:shortest=1[xpsnr]"
    )


def _libvmaf(*metrics: str) -> str:
    """Write the filter, with the models of some metrics."""
    models = "|".join(rf"version={_MODELS[metric]}\:name={metric}" for metric in metrics)
    return f"libvmaf=log_fmt=json:log_path={_VMAF_LOG}:n_threads={usable_cores()}:shortest=1:model='{models}'"


def _columns(frames: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    return {ours: tuple(frame[theirs] for frame in frames) for ours, theirs in names.items()}


def _over_planes(decibels: Sequence[float]) -> float:
    """PSNR over all samples of a 4:2:0 picture from that of its planes."""
    y, cb, cr = (10 ** (-value / 10) for value in decibels)
    return -10 * math.log10((4 * y + cb + cr) / 6)
