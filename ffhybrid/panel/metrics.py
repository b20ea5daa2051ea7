"""The metrics of the panel: what each is called, which way it goes, and which pictures it looks at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A measure of how far pictures are from their source.

    Args:
        name: as in ``results.json`` and on the command line.
        title: for people.
        digits: after the point, enough to tell two encodes apart.
        unit: empty, or what follows a difference.
        lower_is_better: distances, not likenesses.
        sampled: looks at one picture of every so many; the others look at all.
        places: is known for places of 64x64 samples too.
    """

    name: str
    title: str
    digits: int
    unit: str = ""
    lower_is_better: bool = False
    sampled: bool = False
    places: bool = False

    def text(self, value: float) -> str:
        """Write a value."""
        return f"{value:.{self.digits}f}"

    def difference(self, value: float) -> str:
        """Write a difference of values, with its sign and unit."""
        return f"{value:+.{self.digits}f}{self.unit}"


PANEL = (
    Metric(name="lpips", title="LPIPS alex", digits=4, lower_is_better=True, sampled=True, places=True),
    Metric(name="lpips_vgg", title="LPIPS vgg", digits=4, lower_is_better=True, sampled=True, places=True),
    Metric(name="dists", title="DISTS", digits=4, lower_is_better=True, sampled=True, places=True),
    Metric(name="oklab", title="Oklab error", digits=3, lower_is_better=True, sampled=True, places=True),
    Metric(name="ssimulacra2", title="SSIMULACRA2", digits=2, sampled=True),
    Metric(name="cvvdp", title="CVVDP", digits=3, unit=" JOD", sampled=True),
    Metric(name="vmaf", title="VMAF", digits=2),
    Metric(name="vmaf_neg", title="VMAF-NEG", digits=2),
    Metric(name="xpsnr", title="XPSNR", digits=2, unit=" dB"),
    Metric(name="psnr", title="PSNR", digits=2, unit=" dB"),
    Metric(name="ssim", title="SSIM", digits=4),
    Metric(name="ms_ssim", title="MS-SSIM", digits=4),
)
"""All metrics, in the order of tables. ``oklab`` is a thousand times the mean squared error in Oklab."""

METRICS = {metric.name: metric for metric in PANEL}
