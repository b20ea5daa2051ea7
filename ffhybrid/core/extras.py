"""Extras of the package (``pip install 'ffhybrid[encode]'``): where what one brings is missing, the error names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from ffhybrid.errors import UsageError


def check_installed(package: str, *, what: str, extra: str) -> None:
    """Look for a package without importing it.

    Raises:
        UsageError: it is not installed; the message says that ``what`` takes it, and the extra that brings it.
    """
    if find_spec(package) is None:
        raise UsageError(_message(package, what, extra))


@contextmanager
def naming_extra(what: str, extra: str) -> Iterator[None]:
    """Run imports of packages that an extra brings.

    Raises:
        UsageError: one is not installed; the message says that ``what`` takes it, and the extra that brings it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(_message(error.name, what, extra)) from error


def how_to_get(extra: str) -> str:
    """Say the command that brings an extra."""
    return f"pip install 'ffhybrid[{extra}]'"


def _message(package: str | None, what: str, extra: str) -> str:
    return f"{what} takes {package}: {how_to_get(extra)}"
