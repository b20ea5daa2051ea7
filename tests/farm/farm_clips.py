"""Options of quick encodes, and the command line that means the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ffhybrid

OPTIONS = ffhybrid.EncodeOptions(
    generator="thumbnail",
    keyframe_budget=400,
    fallback=False,
    limits=ffhybrid.GopLimits(length=12, scene_threshold=0),
    x265=ffhybrid.X265Options(crf=35, preset="ultrafast"),
)
WORDS = ("-kf", "thumbnail", "-b:kf", "400", "-kf:fallback", "0", "-g", "12", "-sc_threshold", "0")
SPEED = ("-crf", "35", "-preset", "ultrafast")


def encode_command(source: Path, output: Path | str, *more: str | Path) -> list[str]:
    """``ffhybrid encode`` with :data:`OPTIONS`."""
    command = [sys.executable, "-P", "-m", "ffhybrid", "encode", "-i", source, *WORDS, *SPEED, *more, output]
    return [str(part) for part in command]


def events(log: Path, kind: str) -> list[dict[str, Any]]:
    """Events of a kind in a log."""
    found = map(json.loads, log.read_text().splitlines())
    return [event for event in found if event["event"] == kind]
