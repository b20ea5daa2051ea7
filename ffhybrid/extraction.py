"""Taking a hybrid file apart: each GOP's payload as a file, and its keyframe as a PNG picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ffhybrid.core.atomic_files import pending_output
from ffhybrid.core.images import png
from ffhybrid.muxer.payload_files import PAYLOAD_SUFFIX
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.rewriting import located
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.splice import decode_keyframe


def extract(
    path: Path, folder: Path, *, overwrite: bool, generator_decode: GeneratorDecode | None = None
) -> Iterator[Path]:
    """Write ``gop-00000.payload`` and ``gop-00000.png`` for every GOP and yield their paths.

    Raises:
        UsageError: a file is there already and may not be overwritten.
        VerificationError: a keyframe differs from its MD5s.
    """
    with HybridReader(path) as reader:
        folder.mkdir(parents=True, exist_ok=True)
        for index, gop in enumerate(reader.gops()):
            with located(reader, index, gop):
                payload, picture, _ = decode_keyframe(gop, generator_decode)
            target = folder / f"gop-{index:05}{PAYLOAD_SUFFIX}"
            with pending_output(target, overwrite=overwrite) as pending:
                pending.write_bytes(gop.payload)
            yield target
            image = target.with_suffix(".png")
            with pending_output(image, overwrite=overwrite) as pending:
                pending.write_bytes(png(picture, payload.spec))
            yield image
