"""The stock ffmpeg of the imageio-ffmpeg wheel, for what PyAV's libraries lack: libvmaf and vvenc."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ffhybrid.core.extras import naming_extra
from ffhybrid.core.frames import PIXEL_FORMATS
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, EncoderError

EXTRA = "report"
"""Extra of the package that brings the binary, and what reports are made by."""


@cache
def ffmpeg() -> str:
    """Return the path of the binary.

    Raises:
        UsageError: the package is not installed.
    """
    with naming_extra("comparing", EXTRA):
        import imageio_ffmpeg
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run(*arguments: str | Path, cwd: Path) -> None:
    """Run it.

    Raises:
        EncoderError: it failed.
    """
    command = [ffmpeg(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    process = subprocess.run(  # noqa: S603 - no shell, and paths are absolute
        command, cwd=cwd, capture_output=True, text=True, errors="replace", check=False
    )
    if process.returncode:
        raise EncoderError(f"ffmpeg failed: {' / '.join(process.stderr.strip().splitlines()[-3:])}")


def pictures(path: Path, spec: PictureSpec, indices: Sequence[int]) -> Iterator[Picture]:
    """Decode the frames with these numbers (increasing, from 0), whatever their timestamps, as 4:2:0 of ``spec``.

    Raises:
        CorruptDataError: there are fewer frames.
    """
    filters = f"select='{_selection(indices)}',format={PIXEL_FORMATS[spec.bit_depth]}"
    command = [ffmpeg(), "-v", "error", "-nostdin", "-i", str(path.resolve()), "-vf", filters]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    size = spec.samples * np.dtype(spec.dtype).itemsize
    with subprocess.Popen(  # noqa: S603 - no shell, and the path is absolute
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        output = cast(BinaryIO, process.stdout)
        for index in indices:
            data = output.read(size)
            if len(data) < size:
                raise CorruptDataError(f"{path}: there is no frame {index}")
            yield Picture.from_samples(np.frombuffer(data, spec.dtype), spec)


def _selection(indices: Sequence[int]) -> str:
    """Say the numbers in FFmpeg's language; a range without a sum as long as the film."""
    if isinstance(indices, range):
        return f"not(mod(n-{indices.start},{indices.step}))*between(n,{indices.start},{indices.stop - 1})"
    return "+".join(f"eq(n,{index})" for index in indices)
