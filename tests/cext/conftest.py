"""Under sanitizers, tools that tests run go without: compilers do not free what they hold."""

from __future__ import annotations

import os

import pytest

_PRELOADED = os.environ.pop("LD_PRELOAD", "")


@pytest.fixture(scope="session")
def address_sanitizer() -> str:
    """Path of the runtime library that this process was started with, or skip."""
    if "asan" not in _PRELOADED:
        pytest.skip("run by `make sanitize`")
    return _PRELOADED
