"""Measuring a file by the panel, and saying what is not installed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ffhybrid.core import stock
from ffhybrid.core.extras import how_to_get
from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import UsageError
from ffhybrid.filters.base import LEAST_LPIPS_SIDE
from ffhybrid.panel.metrics import METRICS
from ffhybrid.panel.stock_metrics import can_see_ms_ssim, run_ffmpeg
from ffhybrid.panel.values import Panel, Reference, SeenSource, Series

if TYPE_CHECKING:
    from torch import Tensor

INTERVAL = 7
"""Odd, since pyramids of B pictures often span eight: the pictures that others refer to look better than all do."""
HOW_TO_GET_CVVDP = f"{how_to_get(stock.EXTRA)} && pip install --no-deps cvvdp==0.5.7"
_CVVDP_PACKAGES = ("pycvvdp", "scipy", "tqdm")
LEAST_SIDES = {
    "lpips": LEAST_LPIPS_SIDE,
    "lpips_vgg": 16,
    "dists": 16,
    "ssimulacra2": 8,
    "cvvdp": 64,
    "vmaf": 18,
    "vmaf_neg": 18,
}
"""Samples that the smaller side of a picture has at least, where a metric takes more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelOptions:
    """Which metrics are taken, and of which pictures.

    Args:
        metrics: names of the panel, in any order.
        interval: sampled metrics (:attr:`Metric.sampled`) look at one picture of so many, from the first on.
        lpips: file with AlexNet's weights, where they are not found.
    """

    metrics: tuple[str, ...] = tuple(METRICS)
    interval: int = INTERVAL
    lpips: Path | None = None

    def __post_init__(self) -> None:
        for name in self.metrics:
            if name not in METRICS:
                raise UsageError(f"there is no metric {name!r}; known are {', '.join(METRICS)}")
        if self.interval < 1:
            raise UsageError("metrics look at one picture of 1 or more")


def missing(options: PanelOptions | None = None) -> dict[str, str]:
    """Say which metrics this machine cannot take: by name, the command that brings what is not installed.

    Raises:
        FileNotFoundError: the file that the options name is not there.
    """
    from ffhybrid.filters import perceptual_weights as weights
    from ffhybrid.filters.published_weights import HOW_TO_GET

    options = options or PanelOptions()
    found = {
        "lpips": (HOW_TO_GET, weights.has_lpips_weights(options.lpips)),
        "lpips_vgg": (HOW_TO_GET, weights.has_lpips_weights(network="vgg")),
        "dists": (HOW_TO_GET, weights.has_dists_weights()),
        "cvvdp": (HOW_TO_GET_CVVDP, all(map(find_spec, _CVVDP_PACKAGES))),
    }
    return {name: how for name, (how, there) in found.items() if not there and name in options.metrics}


def measurable(spec: PictureSpec, options: PanelOptions) -> tuple[str, ...]:
    """Names of the metrics that this machine can take of such pictures, in the order of the panel."""
    absent = missing(options)
    side = min(spec.width, spec.height)
    return tuple(
        name
        for name in METRICS
        if name in options.metrics
        and name not in absent
        and side >= LEAST_SIDES.get(name, 0)
        and (name != "ms_ssim" or can_see_ms_ssim(spec))
    )


def measure(
    source: Reference, shown: Path, *, options: PanelOptions | None = None, seen: SeenSource[Any] | None = None
) -> Panel:
    """Compare a decodable file with its source, picture by picture, by all metrics that :func:`measurable` names.

    ``seen`` is what calls with the same source and options have learnt of it: a new one for the first of them.

    Raises:
        CorruptDataError: the file has another number of pictures.
        EncoderError: ffmpeg failed.
        UsageError: ffmpeg is missing.
    """
    options = options or PanelOptions()
    names = measurable(source.spec, options)
    found: dict[str, Series] = {}
    # Even where none of its metrics is wanted, since it tells whether there are as many pictures as there should be.
    found |= run_ffmpeg(source, shown)
    by_picture = [name for name in names if METRICS[name].sampled and name != "cvvdp"]
    if by_picture:
        found |= _by_picture(source, shown, by_picture, options, seen)
    if "cvvdp" in names:
        found["cvvdp"] = _by_video(source, shown, options.interval)
    return Panel.of({name: found[name] for name in names}, interval=options.interval)


def _by_picture(
    source: Reference, shown: Path, names: Sequence[str], options: PanelOptions, seen: SeenSource[Any] | None
) -> Mapping[str, Series]:
    from ffhybrid.panel.picture_metrics import look_at

    indices = range(0, source.frames, options.interval)
    ours, theirs = (stock.pictures(path, source.spec, indices) for path in (shown, source.path))
    (found,) = look_at([ours], theirs, source.spec, names, lpips=options.lpips, seen=seen)
    return found


def _by_video(source: Reference, shown: Path, interval: int) -> Series:
    from ffhybrid.filters.devices import device_of
    from ffhybrid.panel.colour_video_vdp import look_at_video
    from ffhybrid.panel.picture_metrics import rgb

    device = device_of("auto")

    def pictures(path: Path) -> Iterator[Tensor]:
        for picture in stock.pictures(path, source.spec, range(source.frames)):
            yield rgb(picture, source.spec, device)

    size = (source.spec.height, source.spec.width, source.frames)
    rate = float(source.frame_rate)
    return look_at_video(pictures(shown), pictures(source.path), size=size, rate=rate, interval=interval, device=device)
