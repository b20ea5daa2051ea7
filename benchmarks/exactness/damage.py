"""Damage: a hybrid file cut at every 1,000th byte, and with single bits flipped, and what restoring makes of it.

    python -m exactness.damage [--frames 72] [--flips 400] [CLIP or hybrid file ...]

A clip is encoded first, three GOPs. Every damaged file is restored in the default mode and held against the restored
whole file, picture by picture. "Whole" is a restore that reports no damage and gives every picture, "in part" one that
reports damage, "refused" an error; "silent" gives fewer or other pictures and reports nothing.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from rich.console import Console
from rich.table import Table

import ffhybrid
from clips import EIGHT_BITS, shared_clips, wheel_clip

DEFAULT_CLIPS = ("foreman_cif30_intra", "flower_540p30")
OUTCOMES = ("whole", "in part", "refused", "silent", "wrong")
Pictures = dict[Fraction, bytes]


def encoded(clip: Path, target: Path, frames: int) -> Path:
    """Encode the beginning of a clip as three GOPs, without sound."""
    options = ffhybrid.EncodeOptions(
        generator="thumbnail",
        fallback=False,
        frames=frames,
        limits=ffhybrid.GopLimits(length=frames // 3, scene_threshold=0),
        x265=ffhybrid.X265Options(crf=32, preset="ultrafast"),
        source=EIGHT_BITS,
        streams=ffhybrid.StreamOptions(audio=False, subtitles=False),
    )
    ffhybrid.encode(clip, target, options=options, overwrite=True)
    return target


def restored_pictures(source: Path, output: Path) -> tuple[Pictures, bool]:
    """Coded pictures of the restored file by their times, and whether damage was reported."""
    report = ffhybrid.restore(source, output, overwrite=True)
    with av.open(output) as container:
        stream = container.streams.video[0]
        base = Fraction(stream.time_base or 1)
        found = {packet.pts * base: bytes(packet) for packet in container.demux(stream) if packet.size}
    return found, bool(report.damaged)


class Trial:
    """Restores damaged copies of one file and counts how that ends."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.data = source.read_bytes()
        self._damaged = folder / f"damaged{source.suffix}"
        self._output = folder / "restored.mkv"
        self._whole, _ = restored_pictures(source, self._output)
        self.counts: Counter[str] = Counter()
        self.worst = 0.0

    def run(self, data: bytes) -> None:
        """Restore one damaged copy."""
        self._damaged.write_bytes(data)
        began = time.perf_counter()
        outcome = self._outcome()
        self.worst = max(self.worst, time.perf_counter() - began)
        self.counts[outcome] += 1

    def _outcome(self) -> str:
        try:
            found, is_reported = restored_pictures(self._damaged, self._output)
        except (ffhybrid.FFHybridError, OSError):
            return "refused"
        if not is_reported:
            return "whole" if found == self._whole else "silent"
        is_right = all(self._whole.get(pts) == data for pts, data in found.items())
        return "in part" if is_right else "wrong"


def cuts(data: bytes, step: int) -> Iterator[bytes]:
    """Yield the file cut at every ``step`` bytes."""
    return (data[:length] for length in range(step, len(data), step))


def flips(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield the file with one bit flipped, ``count`` times."""
    rng = random.Random(seed)
    for _ in range(count):
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield bytes(changed)


def add_rows(source: Path, folder: Path, arguments: argparse.Namespace, table: Table) -> None:
    """Try both kinds of damage on one file."""
    for name in ("cuts", "flips"):
        trial = Trial(source, folder)
        copies = cuts(trial.data, 1000) if name == "cuts" else flips(trial.data, arguments.flips, arguments.seed)
        for copy in copies:
            trial.run(copy)
        counts = (str(trial.counts[outcome]) for outcome in OUTCOMES)
        table.add_row(
            source.name, str(len(trial.data)), f"{trial.counts.total()} {name}", *counts, f"{trial.worst:.2f}"
        )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="*", type=Path, help="clips to encode, or hybrid files")
    parser.add_argument("--frames", type=int, default=72, help="of a clip")
    parser.add_argument("--flips", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)
    clips = [clip for clip in shared_clips() if clip.stem in DEFAULT_CLIPS] or [wheel_clip("bikes.mp4")]
    table = Table("file", "bytes", "damage", *OUTCOMES, "worst s", box=None)
    with tempfile.TemporaryDirectory(prefix="damage-") as temporary:
        folder = Path(temporary)
        for path in arguments.inputs or clips:
            for source in hybrid_files(path, folder, arguments.frames):
                add_rows(source, folder, arguments, table)
    Console(width=140).print(table)


def hybrid_files(path: Path, folder: Path, frames: int) -> Iterator[Path]:
    """Give a hybrid file as it is; of a clip, one in every container."""
    with ffhybrid.open(path) as container:
        if container.is_hybrid:
            yield Path(shutil.copy(path, folder / path.name))
            return
    matroska = encoded(path, folder / f"{path.stem}.mkv", frames)
    yield matroska
    for suffix in (".ts", ".mp4"):
        other = matroska.with_suffix(suffix)
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"} if suffix == ".mp4" else {}
        ffhybrid.remux(matroska, other, options=ffhybrid.OutputOptions(format_options=options))
        yield other


if __name__ == "__main__":
    main()
