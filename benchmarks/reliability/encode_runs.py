"""Runs of one encode that break off, the same command again, and what both of them did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from ffhybrid.farm.state import RESULT_SUFFIX, state_folder

GOP_LENGTH, SIDE, RATE = 12, (96, 64), 24


def make_clip(path: Path, gops: int) -> Path:
    """Write a tiny video with B pictures and sound, whose keyframes lie elsewhere than those of GOPs."""
    seconds = gops * GOP_LENGTH / RATE
    pictures = f"testsrc2=size={SIDE[0]}x{SIDE[1]}:rate={RATE}:duration={seconds},format=yuv420p"
    inputs = ("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", f"sine=duration={seconds}")
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, "-c:v", "libx264", "-bf", "2", "-g", "20")
    subprocess.run([*command, "-c:a", "aac", str(path)], check=True)
    return path


@dataclass(frozen=True, slots=True)
class EncodeRun:
    """One output in a folder of its own, which also has the log and, in ``temporary``, what the run puts aside."""

    source: Path
    folder: Path
    engine: str
    generator: str

    @property
    def output(self) -> Path:
        """What is encoded."""
        return self.folder / "out.mkv"

    @property
    def temporary(self) -> Path:
        """Folder for temporary files."""
        return self.folder / "temporary"

    @property
    def _log(self) -> Path:
        return self.folder / "log.ndjson"

    def start(self) -> subprocess.Popen[str]:
        """Begin, or go on."""
        self.temporary.mkdir(exist_ok=True)
        options = ("-kf", self.generator, "-kf:fallback", "0", "-g", str(GOP_LENGTH), "-sc_threshold", "0")
        quick = ("-crf", "35", "-preset", "ultrafast", "-engine", self.engine, "-log", str(self._log))
        command = (sys.executable, "-P", "-m", "ffhybrid", "encode", "-i", str(self.source), *options, *quick)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(self.temporary)}
        return subprocess.Popen(
            [*command, str(self.output)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> tuple[int, str]:
        """Run to the end; exit code and what was said on standard error."""
        with self.start() as process:
            _, said = process.communicate()
        return process.returncode, said

    def kept(self) -> set[int]:
        """GOPs whose results are kept so far."""
        folder = state_folder(self.output)
        names = folder.glob(f"*{RESULT_SUFFIX}") if folder.exists() else ()
        return {int(path.name.partition("-")[0]) for path in names if not path.name.startswith(".")}

    def encoded(self) -> Counter[int]:
        """How often each GOP was encoded, in all runs."""
        return Counter(event["gop"] for event in self._events("gop") if event["attempt"])

    def _events(self, kind: str) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def left(self) -> list[str]:
        """Files beside the output and the log: there should be none."""
        wanted = {self.output.name, self._log.name, self.temporary.name}
        beside = [path.name for path in self.folder.iterdir() if path.name not in wanted]
        return beside + [path.name for path in self.temporary.iterdir()]
