"""What the C core does not free is found by ``make sanitize SLOW=1``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LEAKING = """
from ffhybrid._cext import ffi, lib
nal = bytes([38, 1]) + bytes(300)
lib.ffh_nal_to_rbsp(nal, len(nal), ffi.new("ffh_buf *"))
"""


@pytest.mark.slow
def test_a_buffer_that_nobody_frees_is_named(address_sanitizer: str, tmp_path: Path) -> None:
    script = tmp_path / "leaking.py"
    script.write_text(LEAKING)
    environment = {**os.environ, "LD_PRELOAD": address_sanitizer}
    ended = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode
    assert "leak of 302 byte(s)" in ended.stderr
    assert "ffh_buf_reserve" in ended.stderr
