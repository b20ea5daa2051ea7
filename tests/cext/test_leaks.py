"""What the C core does not free is found by ``make sanitize``."""

from __future__ import annotations

import os
import subprocess
import sys

LEAKING = """
from ffhybrid._cext import ffi, lib
nal = bytes([38, 1]) + bytes(300)
lib.ffh_nal_to_rbsp(nal, len(nal), ffi.new("ffh_buf *"))
"""


def test_a_buffer_that_nobody_frees_is_named(address_sanitizer: str) -> None:
    environment = {**os.environ, "LD_PRELOAD": address_sanitizer}
    ended = subprocess.run(
        [sys.executable, "-c", LEAKING], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode
    assert "leak of 302 byte(s)" in ended.stderr
    assert "ffh_buf_reserve" in ended.stderr
