"""Streams of other encoders: what is read of them, written back, coded anew, encoded and restored.

For every HEVC file of the manifest beside the project: parameter sets and slice headers are parsed, and written back
under the same parameter sets; slices are moved to compact parameter sets and decoded; a strict decoder reads the whole
file; its first pictures go through encode and restore, and the restored file through the strict decoder.

    python -m exactness.conformance [--frames 24] [NAME ...]
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

import ffhybrid
from exactness.streams import (
    Reader,
    Stream,
    base_layer,
    decoded_md5s,
    hashed_as_told,
    md5_of_lines,
    recoding_of,
    streams,
)
from ffhybrid.errors import FFHybridError, VerificationError


def options(frames: int) -> ffhybrid.EncodeOptions:
    """Encode the first pictures as two GOPs, quickly; of the streams only the video, which all containers have."""
    return ffhybrid.EncodeOptions(
        generator="thumbnail",
        fallback=False,
        frames=frames,
        picture_hashes=True,
        limits=ffhybrid.GopLimits(length=(frames + 1) // 2, scene_threshold=0),
        x265=ffhybrid.X265Options(crf=32, preset="ultrafast"),
        streams=ffhybrid.StreamOptions(maps=("0:v:0",)),
    )


def encode_and_restore(stream: Stream, folder: Path, *, frames: int) -> str:
    """Say how many pictures come back, or what refuses the file."""
    hybrid, restored = folder / "hybrid.mkv", folder / "restored.mkv"
    try:
        ffhybrid.encode(stream.path, hybrid, options=options(frames), overwrite=True)
        report = ffhybrid.restore(hybrid, restored, overwrite=True)
        pictures = len(decoded_md5s(restored))
    except FFHybridError as error:
        return f"{type(error).__name__}: {str(error).removeprefix(f'{stream.path}: ')}"
    return f"{pictures} pictures" + (", DAMAGED" if report.damaged else "")


def read_all(units: list[bytes]) -> tuple[str, str]:
    """Say how many sets and headers parse, and how many slices are written back as they were."""
    reader = Reader()
    try:
        for nal in units:
            reader.read(nal)
    except FFHybridError as error:
        return "NO", str(error)
    refused = f", {'; '.join(sorted(reader.refusals))}" if reader.refusals else ""
    return f"{reader.sets} + {reader.headers}", f"{reader.same}{refused}"


def strictly_decoded(stream: Stream) -> str:
    """Say how a strict decoder likes the file, and whether it has the samples that FFmpeg 5.1 has."""
    try:
        md5s = decoded_md5s(stream.path)
    except VerificationError:
        return "refused"
    told = f", {hashed_as_told(stream.path)} hashed" if stream.hashed else ""
    return f"{len(md5s)}" + (", = 5.1" if md5_of_lines(md5s) == stream.md5 else "") + told


def base_layer_of(stream: Stream) -> list[bytes]:
    """List its units, up to damage."""
    units: list[bytes] = []
    try:
        units.extend(base_layer(stream.path))
    except FFHybridError as error:
        logging.getLogger(__name__).warning("%s: %s", stream.name, error)
    return units


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of files; without any, all")
    parser.add_argument("--frames", type=int, default=24, help="to encode of each")
    arguments = parser.parse_args()
    names = ("file", "sets + headers", "written back the same", "coded anew", "strict decode", "encode, restore")
    table = Table(*names, box=None)
    with tempfile.TemporaryDirectory() as folder:
        for stream in streams():
            if arguments.names and not any(name in stream.name for name in arguments.names):
                continue
            units = base_layer_of(stream)
            parsed, same = read_all(units)
            encoded = encode_and_restore(stream, Path(folder), frames=arguments.frames)
            table.add_row(stream.name, parsed, same, recoding_of(units), strictly_decoded(stream), encoded)
    Console(width=250).print(table)


if __name__ == "__main__":
    main()
