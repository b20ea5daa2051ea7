"""Damaged GOPs when a file is restored: which are left out, how much of others is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.payload import Payload
from ffhybrid.errors import (
    DAMAGE,
    CorruptDataError,
    FFHybridError,
    NotHybridError,
    ReproductionError,
    TruncatedError,
    UnsupportedError,
    UsageError,
    at,
    within,
)
from ffhybrid.hevc.last_picture import is_last_picture_cut
from ffhybrid.muxer.matroska.damaged_range import DamagedRange
from ffhybrid.muxer.matroska.integrity import damaged_ranges, is_matroska
from ffhybrid.muxer.reading.gop_assembly import FoundGop
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.reading.truncation import find_truncation, hides_truncation
from ffhybrid.muxer.rewriting import gop_place
from ffhybrid.restorer.splice import RestoredGop

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedGop:
    """A GOP that is not restored, or not as a whole.

    ``index`` counts the GOPs that are read of the input from 0; None is damage outside of them. ``start`` is in
    seconds, as far as it is known. The first ``pictures`` in decoding order are restored. ``reason`` is the sentence
    that was logged.
    """

    index: int | None
    start: float | None
    pictures: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What is wrong with a GOP of this number, or outside of any; ``pictures`` of it are whole."""

    error: FFHybridError
    number: int | None
    seconds: float | None
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What is left of a GOP, and why that is not all."""

    gop: RestoredGop | None = None
    damage: Damage | None = None


class Salvage:
    """Keeps account of the damage of one file; with ``stop`` the first of it is an error."""

    def __init__(self, *, stop: bool) -> None:
        self._stop = stop
        self._first: FFHybridError | None = None
        self.damaged: list[DamagedGop] = []

    def known(self, path: Path) -> Sequence[DamagedRange]:
        """Find what can be told before reading.

        Raises:
            CorruptDataError, TruncatedError: the first damage, if it stops there; or there is no segment at all.
        """
        if is_matroska(path):
            found = damaged_ranges(path)
        else:
            end = find_truncation(path)
            found = [end] if end else []
        if found and self._stop:
            raise found[0].error
        return found

    @contextmanager
    def opening(self, known: Sequence[DamagedRange]) -> Iterator[None]:
        """Blame an input that seems to be no hybrid file on known damage, what else it seems to be on its header."""
        try:
            yield
        except (NotHybridError, UnsupportedError, UsageError) as error:
            in_header = [damage for damage in known if damage.seconds is None and not damage.is_end]
            blamed = in_header or (known if isinstance(error, NotHybridError) else [])
            if not blamed:
                raise
            raise blamed[0].error from error

    def note(self, damage: Damage | None) -> None:
        """Log damage, if there is any.

        Raises:
            FFHybridError: its error, if it stops there.
        """
        if damage is None:
            return
        if self._stop:
            raise damage.error
        self._first = self._first or damage.error
        reason = str(damage.error)
        if damage.number is not None:
            kept = f"pictures restored of it: {damage.pictures}" if damage.pictures else "the GOP is left out"
            reason += f"; {kept}"
        logger.error("%s", reason)
        self.damaged.append(
            DamagedGop(index=damage.number, start=damage.seconds, pictures=damage.pictures, reason=reason)
        )

    def check(self, gops: int) -> None:
        """See that something was restored.

        Raises:
            FFHybridError: the first damage, where no GOP was.
        """
        if self._first is not None and not gops:
            raise self._first


def salvaged(reader: HybridReader, found: FoundGop | None, restore: Callable[[HybridGop], RestoredGop]) -> Salvaged:
    """Restore what is whole of a GOP; None is packets behind the last one.

    Raises:
        ReproductionError, ModelError, UnsupportedError: what is no damage.
    """
    if found is None:
        return Salvaged()
    if found.gop is None:
        return Salvaged(None, _damage(found, found.error))
    place = gop_place(found.number, found.gop)
    try:
        with at(f"{reader.path}: {place}"):
            wanted = max(1, Payload.from_bytes(found.gop.payload).pictures)
            restored, broken = _up_to_a_broken_anchor(replace(found.gop, inter=found.gop.inter[: wanted - 1]), restore)
            if not broken and found.is_last and hides_truncation(reader.format_name):
                restored = _without_cut_picture(restored)
    except ReproductionError:
        raise
    except DAMAGE as error:
        return Salvaged(None, _damage(found, error))
    kept = len(restored.access_units)
    fault = broken or _fault(found, kept, wanted)
    if fault is None:
        return Salvaged(restored)
    if kept == wanted == len(found.gop.access_units):
        return Salvaged(restored, Damage(error=fault, number=None, seconds=found.seconds))
    return Salvaged(restored, _damage(found, within(fault, str(reader.path), place), pictures=kept))


def _up_to_a_broken_anchor(
    gop: HybridGop, restore: Callable[[HybridGop], RestoredGop]
) -> tuple[RestoredGop, FFHybridError | None]:
    """Restore a GOP, or what lies before the first anchor that cannot be made, with what is wrong with that.

    Raises:
        FFHybridError: all that is no anchor's fault.
    """
    try:
        return restore(gop), None
    except DAMAGE as error:
        whole, places = None, [anchor.place for anchor in Payload.from_bytes(gop.payload).anchors]
        while places:
            # What lies before a later anchor is whole only if what lies before an earlier one is.
            middle = len(places) // 2
            tried = _tried(gop, restore, places[middle])
            whole, places = (tried, places[middle + 1 :]) if tried else (whole, places[:middle])
        if whole is None:
            raise
        return whole, error


def _tried(gop: HybridGop, restore: Callable[[HybridGop], RestoredGop], pictures: int) -> RestoredGop | None:
    """Restore the first pictures of a GOP, if there are more of them and they are whole."""
    if pictures >= len(gop.access_units):
        return None
    try:
        return restore(replace(gop, inter=gop.inter[: pictures - 1]))
    except DAMAGE:
        return None


def _damage(found: FoundGop, error: FFHybridError | None, *, pictures: int = 0) -> Damage | None:
    if error is None:
        return None
    return Damage(error=error, number=found.number, seconds=found.seconds, pictures=pictures)


def _fault(found: FoundGop, kept: int, wanted: int) -> FFHybridError | None:
    """Say what is wrong with a GOP of which the payload counts ``wanted`` pictures, and ``kept`` are whole."""
    there = len(found.gop.access_units) if found.gop else 0
    if there > wanted:
        return CorruptDataError(f"{there - wanted} pictures follow that are not its own, a keyframe is lost")
    if kept < there:
        return TruncatedError("the file ends inside a picture")
    return None if kept == wanted and found.lost_behind else found.error


def _without_cut_picture(gop: RestoredGop) -> RestoredGop:
    """Leave the last picture out if its end is missing; a keyframe was made whole.

    Raises:
        VerificationError: the pictures before it do not decode.
    """
    units = gop.access_units
    is_cut = len(units) > 1 and is_last_picture_cut(units, gop.parameter_sets)
    return replace(gop, access_units=units[:-1]) if is_cut else gop
