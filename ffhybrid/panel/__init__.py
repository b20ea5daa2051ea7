"""A panel of metrics that people and codecs are judged by, each pooled by its mean and by its worst parts.

>>> from ffhybrid.panel import PANEL, measure, missing
>>> missing()
{'cvvdp': 'pip install ...'}
>>> panel = measure(clip, path)
>>> panel.mean("dists"), panel.worst_pictures("ssimulacra2"), panel.worst_places("oklab")
"""

from ffhybrid.panel.gop_metrics import check_metric, check_size, look_at_gop
from ffhybrid.panel.measuring import INTERVAL, PanelOptions, measurable, measure, missing
from ffhybrid.panel.metrics import METRICS, PANEL, Metric
from ffhybrid.panel.values import Panel, Pooled, Reference, SeenSource

__all__ = [
    "INTERVAL",
    "METRICS",
    "PANEL",
    "Metric",
    "Panel",
    "PanelOptions",
    "Pooled",
    "Reference",
    "SeenSource",
    "check_metric",
    "check_size",
    "look_at_gop",
    "measurable",
    "measure",
    "missing",
]
