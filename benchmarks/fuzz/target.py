"""Run a fuzz target that is written in Python, with coverage of this project's code alone.

Coverage of the standard library and of numpy costs a minute at the start, and leads mutations astray.

cd benchmarks; python -m fuzz.target payload|file CORPUS [options of libFuzzer]    (with atheris)
"""

from __future__ import annotations

import importlib
import logging
import sys

import av


def main() -> None:
    """Hand over to atheris with what follows the target's name on the command line."""
    import atheris

    name = sys.argv.pop(1)
    logging.disable(logging.CRITICAL)
    av.logging.set_level(None)
    with atheris.instrument_imports(include=["ffhybrid"]):
        target = importlib.import_module(f"fuzz.{name}")
    atheris.Setup(sys.argv, target.one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
