"""Keyframe generators behind one contract, found by name in the registry.

Importing this package imports no codec and no framework; a generator's own module does when it is first asked for.
"""

from ffhybrid.filters.base import FitProgress, Generator, Likeness, Objective, Reproducibility
from ffhybrid.filters.registry import create, create_sequence, names

__all__ = ["FitProgress", "Generator", "Likeness", "Objective", "Reproducibility", "create", "create_sequence", "names"]
