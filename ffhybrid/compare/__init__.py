"""Hybrid files beside other codecs: the same frames, the same GOPs, the same bytes.

>>> from ffhybrid.compare import CompareOptions, compare
>>> compare("in.mp4", "report", options=CompareOptions(bitrates=(100_000, 200_000)))
"""

from ffhybrid.compare.comparing import compare
from ffhybrid.compare.options import CompareOptions
from ffhybrid.compare.results import RatePoint, Results

__all__ = ["CompareOptions", "RatePoint", "Results", "compare"]
