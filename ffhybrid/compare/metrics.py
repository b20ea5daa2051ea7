"""PSNR, SSIM and VMAF of every frame by libvmaf, LPIPS of every n-th by our own network."""

from __future__ import annotations

import json
import logging
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ffhybrid.compare import stock
from ffhybrid.compare.clip import Clip
from ffhybrid.core.frames import PIXEL_FORMATS
from ffhybrid.core.ordered_pool import usable_cores
from ffhybrid.encoder.quality import Distance, lpips_distance
from ffhybrid.errors import CorruptDataError

logger = logging.getLogger(__name__)

LOG = "vmaf.json"
FEATURES = "name=psnr|name=float_ssim"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameQuality:
    """One value a frame; ``lpips`` has one for every ``interval``-th frame from the first on, none without weights.

    ``psnr`` is in dB over all samples of Y, Cb and Cr, at most 60 at 8 bits and 72 at 10 (libvmaf's limit); ``ssim``
    and ``vmaf`` (model vmaf_v0.6.1) look at luma.
    """

    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    vmaf: tuple[float, ...]
    lpips: tuple[float, ...]


def measure(clip: Clip, shown: Path, *, distance: Distance | None, interval: int) -> FrameQuality:
    """Compare a decodable file with the clip, frame by frame.

    Raises:
        CorruptDataError: it has another number of frames.
    """
    frames = _run_libvmaf(clip, shown)
    if len(frames) != clip.frames:
        raise CorruptDataError(f"{shown}: {len(frames)} frames are shown, the source has {clip.frames}")
    return FrameQuality(
        psnr=tuple(_psnr(frame) for frame in frames),
        ssim=tuple(frame["float_ssim"] for frame in frames),
        vmaf=tuple(frame["vmaf"] for frame in frames),
        lpips=_lpips(clip, shown, distance, interval) if distance else (),
    )


def find_distance(path: Path | None) -> Distance | None:
    """Load LPIPS; None, with a warning, where its weights or torch are missing."""
    missing = why_no_lpips(path)
    if missing:
        logger.warning("LPIPS is left out: %s", missing)
        return None
    return lpips_distance(path)


def why_no_lpips(path: Path | None = None) -> str:
    """Say what is missing for LPIPS and how to get it; empty where nothing is."""
    try:
        from ffhybrid.filters.perceptual_weights import HOW_TO_GET, find_lpips_weights
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed"
    return "" if find_lpips_weights(path) else f"its weights are not on this machine; to get them: {HOW_TO_GET}"


def _run_libvmaf(clip: Clip, shown: Path) -> Sequence[Mapping[str, float]]:
    by_number = f"settb=1/1000,setpts=N,format={PIXEL_FORMATS[clip.spec.bit_depth]}"
    options = f"log_fmt=json:log_path={LOG}:n_threads={usable_cores()}:feature='{FEATURES}':shortest=1"
    graph = f"[0:v]{by_number}[ours];[1:v]{by_number}[theirs];[ours][theirs]libvmaf={options}"
    with tempfile.TemporaryDirectory(prefix="ffhybrid-vmaf-") as name:
        folder = Path(name)
        inputs = ("-i", shown.resolve(), "-i", clip.path.resolve())
        stock.run(*inputs, "-lavfi", graph, "-fps_mode", "passthrough", "-f", "null", "-", cwd=folder)
        log = json.loads((folder / LOG).read_text())
    return [frame["metrics"] for frame in log["frames"]]


def _psnr(frame: Mapping[str, float]) -> float:
    """PSNR over all samples of a 4:2:0 frame from that of its planes."""
    y, cb, cr = (10 ** (-frame[f"psnr_{plane}"] / 10) for plane in ("y", "cb", "cr"))
    return -10 * math.log10((4 * y + cb + cr) / 6)


def _lpips(clip: Clip, shown: Path, distance: Distance, interval: int) -> tuple[float, ...]:
    indices = range(0, clip.frames, interval)
    pairs = zip(stock.pictures(shown, clip.spec, indices), stock.pictures(clip.path, clip.spec, indices), strict=True)
    return tuple(distance(ours, theirs, clip.spec) for ours, theirs in pairs)
