"""Results of jobs: the GOP, byte for byte, and a report that says whose it is and what it cost.

A hybrid Matroska file of one GOP would do, if it brought back the time base, negative timestamps and every duration as
they were; it does not, so a result is a plain sequence of lengths and bytes (little-endian):

====  =========================================================
8     ``FFHGOP``, 0, 1
32    SHA-256 of all that follows
4     length of the report, a JSON object
..    the report (:class:`ResultReport`)
8     numerator and denominator of the time base
..    payload, VPS, SPS, number of PPS, each of them
4     number of access units, the placeholder first, then each
====  =========================================================

Bytes have their length (4 bytes) before them. An access unit is its timestamp and duration (8 bytes each, signed), the
number of its NAL units (4 bytes), and each of them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import msgspec

from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.errors import CorruptDataError
from ffhybrid.farm.environment import Environment
from ffhybrid.farm.jobs import Job

MAGIC = b"FFHGOP\0\1"
_DIGEST = hashlib.sha256().digest_size
_COUNT = struct.Struct("<I")
_BASE = struct.Struct("<II")
_TIMES = struct.Struct("<qq")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultReport:
    """The key of the job, what the GOP cost, the seconds it took, and the SHA-256 of the GOP's bytes alone.

    The GOP and its SHA-256 are the same whoever runs the job in such an ``environment``; the seconds are not.
    """

    job: str
    gop: GopReport
    seconds: float
    sha256: str
    environment: Environment

    def to_json(self) -> bytes:
        """Serialise."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class Result:
    """A GOP and its report."""

    report: ResultReport
    gop: HybridGop

    @classmethod
    def of(cls, job: Job, gop: HybridGop, report: GopReport, environment: Environment, *, seconds: float) -> Result:
        """Put together what a job gave."""
        sha256 = hashlib.sha256(_gop_bytes(gop)).hexdigest()
        found = ResultReport(job=job.key, gop=report, seconds=round(seconds, 3), sha256=sha256, environment=environment)
        return cls(found, gop)

    def to_bytes(self) -> bytes:
        """Serialise."""
        body = _sized(self.report.to_json()) + _gop_bytes(self.gop)
        return MAGIC + hashlib.sha256(body).digest() + body

    @classmethod
    def from_bytes(cls, data: bytes, job: Job) -> Result:
        """Parse the result of a job.

        Raises:
            CorruptDataError: it is damaged, cut short, or another job's.
        """
        body = data[len(MAGIC) + _DIGEST :]
        if not data.startswith(MAGIC) or hashlib.sha256(body).digest() != data[len(MAGIC) : len(MAGIC) + _DIGEST]:
            raise CorruptDataError(f"{job}: the result is damaged or cut short")
        reader = _ResultReader(body)
        try:
            report = msgspec.json.decode(reader.sized(), type=ResultReport)
            gop = reader.gop()
        except (struct.error, msgspec.MsgspecError, ValueError, ZeroDivisionError) as error:
            raise CorruptDataError(f"{job}: the result does not parse: {error}") from error
        if report.job != job.key:
            raise CorruptDataError(f"{job}: the result belongs to another job")
        return cls(report, gop)


def _gop_bytes(gop: HybridGop) -> bytes:
    sets = gop.parameter_sets
    parts = [
        _BASE.pack(gop.time_base.numerator, gop.time_base.denominator),
        _sized(gop.payload),
        _sized(sets.vps),
        _sized(sets.sps),
        _sized_all(sets.pps),
        _COUNT.pack(len(gop.access_units)),
    ]
    parts += (_TIMES.pack(unit.pts, unit.duration) + _sized_all(unit.nal_units) for unit in gop.access_units)
    return b"".join(parts)


def _sized(data: bytes) -> bytes:
    return _COUNT.pack(len(data)) + data


def _sized_all(parts: Sequence[bytes]) -> bytes:
    return _COUNT.pack(len(parts)) + b"".join(map(_sized, parts))


class _ResultReader:
    """Takes fields one by one; none is longer than what is left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def gop(self) -> HybridGop:
        time_base = Fraction(*self._unpack(_BASE))
        payload = self.sized()
        sets = ParameterSets(self.sized(), self.sized(), self._sized_all())
        placeholder, *inter = (self._unit() for _ in range(self._count()))
        if self._position != len(self._data):
            raise ValueError("there are bytes behind the last access unit")
        return HybridGop(payload, sets, placeholder, tuple(inter), time_base)

    def sized(self) -> bytes:
        size = self._count()
        self._position += size
        return self._data[self._position - size : self._position]

    def _sized_all(self) -> tuple[bytes, ...]:
        return tuple(self.sized() for _ in range(self._count()))

    def _unit(self) -> AccessUnit:
        pts, duration = self._unpack(_TIMES)
        return AccessUnit(self._sized_all(), pts, duration)

    def _count(self) -> int:
        """Take the number of bytes or things that follow; each takes a byte at least."""
        (count,) = self._unpack(_COUNT)
        if count > len(self._data) - self._position:
            raise ValueError("a length reaches beyond the end")
        return count

    def _unpack(self, form: struct.Struct) -> tuple[int, ...]:
        fields = form.unpack_from(self._data, self._position)
        self._position += form.size
        return fields
