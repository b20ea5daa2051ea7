"""Running a fuzz target that is written in Python."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import av


def run(one_input: Callable[[bytes], None]) -> None:
    """Hand over to atheris with the arguments of the command line."""
    import atheris

    logging.disable(logging.CRITICAL)
    av.logging.set_level(None)
    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
