"""One metric of a GOP while it is being encoded: pictures in memory against the spooled frames of the source."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from ffhybrid.core import stock
from ffhybrid.core.extras import check_installed
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.source_gop import SourceGop, write_planes
from ffhybrid.errors import UsageError
from ffhybrid.panel.measuring import LEAST_SIDES, PanelOptions, missing
from ffhybrid.panel.metrics import METRICS
from ffhybrid.panel.stock_metrics import run_libvmaf

GOP_INTERVAL = 3
"""Sampled metrics look at one picture of so many, from the first on.

B pyramids repeat every 2, 4 or 8 pictures, and those that others refer to are better: on three clips at CRF 28 one of 8
has 2.6 to 4.0 points of SSIMULACRA2 more than all, one of 4 1.0 to 2.4, one of 3 0.4 to 0.8.
"""


def check_metric(metric: str, *, what: str, lpips: Path | None) -> None:
    """See that what a metric takes is on this machine; ``lpips`` is AlexNet's file where the user names one.

    Raises:
        UsageError: something is missing; the message says that ``what`` takes it, and the command that brings it.
        FileNotFoundError: the named file is not there.
    """
    if not METRICS[metric].sampled:
        check_installed("imageio_ffmpeg", what=what, extra=stock.EXTRA)
        return
    check_installed("torch", what=what, extra="encode")
    for command in missing(PanelOptions(metrics=(metric,), lpips=lpips)).values():
        raise UsageError(f"{what} takes weights that are not on this machine: {command}")


def check_size(metric: str, spec: PictureSpec, *, what: str) -> None:
    """See that a metric can look at pictures of this size.

    Raises:
        UsageError: they are too small.
    """
    least = LEAST_SIDES.get(metric, 0)
    if min(spec.width, spec.height) < least:
        raise UsageError(f"{what} takes pictures of {least}x{least} or larger, not {spec.width}x{spec.height}")


def look_at_gop(
    metric: str,
    pictures: Iterable[Picture],
    gop: SourceGop,
    *,
    lpips: Path | None,
    device: str = "auto",
    interval: int = GOP_INTERVAL,
) -> tuple[float, ...]:
    """Compare the pictures of a GOP, in order of presentation: all, or for sampled metrics one of ``interval``.

    Raises:
        EncoderError: ffmpeg failed.
    """
    if not METRICS[metric].sampled:
        return _by_libvmaf(metric, pictures, gop)
    from ffhybrid.panel.picture_metrics import look_at

    source = (gop.picture(index) for index in range(0, len(gop), interval))
    (found,) = look_at([islice(pictures, 0, None, interval)], source, gop.spec, (metric,), lpips=lpips, device=device)
    return found[metric].values


def _by_libvmaf(metric: str, pictures: Iterable[Picture], gop: SourceGop) -> tuple[float, ...]:
    # Beside the spooled frames, where there is room for as many again.
    with tempfile.TemporaryDirectory(prefix="ffhybrid-vmaf-", dir=gop.path.resolve().parent) as name:
        shown = Path(name) / "shown.yuv"
        with shown.open("wb") as file:
            for picture in pictures:
                write_planes(file, picture)
        return run_libvmaf(metric, shown, gop.path, gop.spec)
