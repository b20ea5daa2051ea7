"""Encoding a folder: what is done and verified is passed over, what fails stops nothing else."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from pathlib import Path

import av

from ffhybrid.encoder.gop_encoder import generator_decode_of
from ffhybrid.encoding import encode
from ffhybrid.errors import FFHybridError, UsageError
from ffhybrid.farm.coordinator import OnError
from ffhybrid.farm.engines import LOCAL, check_engine
from ffhybrid.farm.jobs import canonical_json
from ffhybrid.farm.state import plan_key
from ffhybrid.options import EncodeOptions
from ffhybrid.verification import verify

logger = logging.getLogger(__name__)

RECORD = ".ffhybrid-batch.ndjson"
"""Name of the list of verified outputs in the folder that they lie in."""
EXTENSIONS = ("mp4", "mov", "mkv", "webm", "avi", "mxf", "ts")
"""Of the files that are taken for videos."""


class BatchOutcome(StrEnum):
    """What became of a file."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEntry:
    """One file of a batch; ``error`` says why it failed, the numbers are 0 then."""

    source: Path
    output: Path
    outcome: BatchOutcome
    gops: int = 0
    file_bytes: int = 0
    seconds: float = 0.0
    error: str = ""


def batch(
    folder: str | PathLike[str],
    target: str | PathLike[str],
    *,
    options: EncodeOptions | None = None,
    extensions: Sequence[str] = EXTENSIONS,
    suffix: str = ".mkv",
    overwrite: bool = False,
    engine: str = LOCAL,
    on_error: OnError = OnError.STOP,
    log: str | PathLike[str] | None = None,
    on_file: Callable[[BatchEntry], None] | None = None,
) -> tuple[BatchEntry, ...]:
    """Encode the files below ``folder`` into ``target``, with the same subfolders; verify each.

    Args:
        folder: is searched for files, not for hidden ones.
        target: is made if it is not there.
        options: of each encode.
        extensions: of the files taken, without their dot, in any case.
        suffix: of the outputs.
        overwrite: whether outputs that are there and were made otherwise are made anew.
        engine: where GOPs are encoded.
        on_error: what becomes of a GOP that fails.
        log: file that the events of all encodes are appended to.
        on_file: is called with what became of each file.

    Raises:
        UsageError: there is no such folder, no such file in it, or two files would have the same output.
    """
    folder, target = Path(folder), Path(target)
    check_engine(engine)
    pairs = _pairs(folder, target, extensions, suffix)
    target.mkdir(parents=True, exist_ok=True)
    work = _Batch(
        options=options or EncodeOptions(),
        overwrite=overwrite,
        engine=engine,
        on_error=on_error,
        log=Path(log) if log else None,
        verified=_Verified(target / RECORD),
    )
    entries = []
    for source, output in pairs:
        entry = work.entry(source, output)
        entries.append(entry)
        if on_file:
            on_file(entry)
    return tuple(entries)


def _pairs(folder: Path, target: Path, extensions: Sequence[str], suffix: str) -> list[tuple[Path, Path]]:
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    wanted = {f".{extension.lower().lstrip('.')}" for extension in extensions}
    found = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in wanted and path.is_file())
    pairs: dict[Path, Path] = {}
    for source in found:
        inside = source.relative_to(folder)
        if source.is_relative_to(target) or any(part.startswith(".") for part in inside.parts):
            continue
        output = target / inside.with_suffix(suffix)
        if output in pairs:
            raise UsageError(f"{source} and {pairs[output]} would both become {output}")
        pairs[output] = source
    if not pairs:
        raise UsageError(f"{folder}: there are no files with the extensions {', '.join(sorted(wanted))}")
    return [(source, output) for output, source in pairs.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """One call of :func:`batch`."""

    options: EncodeOptions
    overwrite: bool
    engine: str
    on_error: OnError
    log: Path | None
    verified: _Verified

    def entry(self, source: Path, output: Path) -> BatchEntry:
        """Encode a file, or say why not."""
        try:
            return self._encoded(source, output)
        except (FFHybridError, OSError, av.error.FFmpegError) as error:
            logger.error("%s: %s", source, error)
            return BatchEntry(source=source, output=output, outcome=BatchOutcome.FAILED, error=str(error))

    def _encoded(self, source: Path, output: Path) -> BatchEntry:
        key = self._key(source)
        if output.exists() and self.verified.has(output, key):
            return BatchEntry(
                source=source, output=output, outcome=BatchOutcome.SKIPPED, file_bytes=output.stat().st_size
            )
        if output.exists() and not self.overwrite:
            raise UsageError(f"{output} is there and was made otherwise (give -y to make it anew)")
        output.parent.mkdir(parents=True, exist_ok=True)
        report = encode(
            source,
            output,
            options=self.options,
            overwrite=self.overwrite,
            engine=self.engine,
            on_error=self.on_error,
            log=self.log,
        )
        verify(output, generator_decode=generator_decode_of(self.options))
        self.verified.add(output, key)
        return BatchEntry(
            source=source,
            output=output,
            outcome=BatchOutcome.DONE,
            gops=len(report.gops),
            file_bytes=report.file_bytes,
            seconds=report.seconds,
        )

    def _key(self, source: Path) -> str:
        """Identity of an output: its source, as it is now, and all options."""
        options = self.options
        muxed = (options.streams, options.carriage, options.container_format, options.format_options)
        return hashlib.sha256(plan_key(source, options).encode() + canonical_json(muxed)).hexdigest()


class _Verified:
    """Outputs that were verified, a JSON object a line; of several lines of a name the last one counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, object]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                fields = json.loads(line)
                self._known[fields["name"]] = fields
            except (ValueError, KeyError, TypeError):
                logger.warning("%s: a line that was cut short is passed over", path)

    def has(self, output: Path, key: str) -> bool:
        """Whether an output is still the file that was verified."""
        return self._known.get(self._name(output)) == self._fields(output, key)

    def add(self, output: Path, key: str) -> None:
        """Note a verified output."""
        fields = self._fields(output, key)
        self._known[self._name(output)] = fields
        with self._path.open("a") as file:
            file.write(json.dumps(fields) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _fields(self, output: Path, key: str) -> dict[str, object]:
        stat = output.stat()
        return {"name": self._name(output), "key": key, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}

    def _name(self, output: Path) -> str:
        return str(output.relative_to(self._path.parent))
