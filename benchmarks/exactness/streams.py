"""HEVC streams of other encoders beside the project, and what ffhybrid makes of their parameter sets and slices."""

from __future__ import annotations

import binascii
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av

from ffhybrid import hevc
from ffhybrid._cext import ffi, lib
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError, FFHybridError, UnsupportedError, VerificationError
from ffhybrid.hevc import sei
from ffhybrid.hevc.compact_parameter_sets import SliceRecoder
from ffhybrid.hevc.decoding import CHECKED
from ffhybrid.hevc.nal import written
from ffhybrid.hevc.parameter_sets import parsed
from ffhybrid.muxer.reading.hevc_stream import header_sets, length_size, nal_units

CONFORMANCE = Path(__file__).resolve().parents[3] / "shared" / "conformance"
"""Streams beside the project, where there are any; never part of it."""
_IRAP = range(16, 24)
_CRC_BEGIN = 0x1D0F
"""0xFFFF after 16 zero bits, as ``crc_hqx`` takes it, which adds none at the end."""
_LEVEL_AT = {hevc.NalType.VPS: 15, hevc.NalType.SPS: 12}
"""Bytes of the RBSP before ``general_level_idc``."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A line of the manifest: what FFmpeg 5.1 says of a file.

    ``is_refused`` by a strict decoder; ``hashed`` pictures have a hash SEI; ``md5`` is of the lines of MD5s of frames.
    """

    name: str
    is_refused: bool
    frames: int
    hashed: int
    md5: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return CONFORMANCE / self.name

    @property
    def is_bare(self) -> bool:
        """Whether no container decides which of its pictures are shown."""
        return self.path.suffix == ".265"


def streams() -> list[Stream]:
    """List the manifest; empty where there is none."""
    if not CONFORMANCE.is_dir():
        return []
    with (CONFORMANCE / "MANIFEST.csv").open(newline="") as lines:
        return [
            Stream(name, bool(int(code)), int(frames), int(hashed), md5)
            for name, code, frames, hashed, md5 in islice(csv.reader(lines), 1, None)
        ]


def base_layer(path: Path) -> Iterator[bytes]:
    """NAL units of a file's base layer, those of the container's header first, slices from the first IRAP picture on.

    Raises:
        CorruptDataError: a packet whose lengths do not fit.
    """
    if path.suffix == ".265":
        units: Iterable[bytes] = hevc.split_annexb(path.read_bytes())
    else:
        units = _of_container(path)
    is_begun = False
    for nal in units:
        if hevc.layer_id(nal):
            continue
        is_begun = is_begun or hevc.nal_type(nal) in _IRAP
        if is_begun or not hevc.is_slice(nal):
            yield nal


def _of_container(path: Path) -> Iterator[bytes]:
    with av.open(path) as container:
        video = container.streams.video[0]
        sets = header_sets(video)
        yield from sets.nal_units if sets else ()
        for packet in container.demux(video):
            if packet.size:
                yield from nal_units(bytes(packet), length_size(video))


class Reader:
    """Follows the parameter sets of NAL units, and reads, writes back and recodes the slices under them."""

    def __init__(self) -> None:
        self._vps = b""
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}
        self.sets = self.headers = self.same = 0
        self.refusals: set[str] = set()

    def read(self, nal: bytes) -> None:
        """Parse a unit, and count whether it is written back as it was.

        Raises:
            CorruptDataError: it does not parse.
        """
        kind = hevc.nal_type(nal)
        if hevc.is_parameter_set(nal):
            self._read_set(kind, nal)
        elif hevc.is_slice(nal):
            try:
                self.headers += 1
                self.same += self.written_back(nal) == nal
            except UnsupportedError as error:
                self.refusals.add(str(error))

    def _read_set(self, kind: int, nal: bytes) -> None:
        self.sets += 1
        if kind == hevc.NalType.PPS:
            self._pps[parsed("pps", nal).pps_pic_parameter_set_id] = nal
            return
        self._vps = nal if kind == hevc.NalType.VPS else self._vps
        if kind == hevc.NalType.SPS:
            self._sps[parsed("sps", nal).sps_seq_parameter_set_id] = nal
        else:
            parsed("vps", nal)
        if hevc.with_level(nal, hevc.rbsp(nal)[_LEVEL_AT[hevc.NalType(kind)]]) != nal:
            raise CorruptDataError("a parameter set is not written back as it was")

    def sets_of(self, nal: bytes) -> ParameterSets:
        """Give the parameter sets that a slice refers to."""
        pps = self._pps[hevc.slice_pps_id(nal)]
        return ParameterSets(self._vps, self._sps[parsed("pps", pps).pps_seq_parameter_set_id], (pps,))

    def written_back(self, nal: bytes) -> bytes:
        """Write a slice under its own parameter sets; its reference picture set in the fewest bits.

        Raises:
            UnsupportedError: it uses what cannot be kept exact.
        """
        sets = self.sets_of(nal)
        sps, pps = parsed("sps", sets.sps), parsed("pps", sets.pps[0])
        to = ffi.new("ffh_compact_sets *", {"sps": sps[0], "lossy": pps[0], "lossless": pps[0]})
        return written("a slice", lambda buf: lib.ffh_recode_slice(nal, len(nal), sps, pps, to, 0, buf))


def recoded(units: Iterable[bytes]) -> Iterator[bytes]:
    """Move slices to compact parameter sets, which come before the first that needs them; picture hashes stay.

    Raises:
        UnsupportedError: a slice uses what cannot be kept exact.
    """
    reader, recoder = Reader(), None
    for nal in units:
        if hevc.is_parameter_set(nal):
            reader.read(nal)
        elif hevc.is_slice(nal):
            sets = reader.sets_of(nal)
            if recoder is None or recoder.source != sets:
                recoder = Recoder(sets)
                yield from recoder.sets.nal_units
            yield recoder.moved(nal)
        elif hevc.nal_type(nal) == hevc.NalType.SUFFIX_SEI:
            yield nal


class Recoder:
    """A :class:`SliceRecoder` that knows what it was made for."""

    def __init__(self, source: ParameterSets) -> None:
        self.source, self._recoder = source, SliceRecoder(source)
        self.sets = self._recoder.sets

    def moved(self, nal: bytes) -> bytes:
        """Move one slice."""
        return self._recoder.unit(AccessUnit((nal,), 0, 0)).nal_units[0]


def first_pictures(units: Iterable[bytes], pictures: int) -> list[bytes]:
    """Cut behind so many slices, and the SEI of the last."""
    kept: list[bytes] = []
    for nal in units:
        pictures -= hevc.is_slice(nal)
        if pictures < 0:
            break
        kept.append(nal)
    return kept


def decoded_md5s(source: Path | Sequence[bytes]) -> list[str]:
    """MD5 of the samples of each picture, in output order, as a strict decoder has them.

    Raises:
        VerificationError: damage, or a picture that differs from its hash.
    """
    file = source if isinstance(source, Path) else io.BytesIO(hevc.join_annexb(source))
    try:
        with av.open(file, format=None if isinstance(source, Path) else "hevc") as container:
            video = container.streams.video[0]
            video.codec_context.options = {"err_detect": CHECKED}
            return [_md5(frame.to_ndarray().tobytes()) for frame in container.decode(video)]
    except (av.error.FFmpegError, IndexError) as error:
        raise VerificationError(f"a strict decoder refuses it: {error}") from error


def hashed_as_told(path: Path, *, pictures: int | None = None) -> int:
    """Count the first pictures of an 8-bit stream whose MD5s or CRCs one of its hash SEI messages has.

    FFmpeg looks at MD5s only; a CRC begins with 0xFFFF and ends behind 16 zero bits (H.265 clause D.3.20).
    """
    nal_units = (nal for nal in base_layer(path) if sei.is_picture_hash(nal))
    told = {data for nal in nal_units for _, data in sei.read_messages(nal)}
    with av.open(path) as container:
        frames = islice(container.decode(video=0), pictures)
        return sum(not told.isdisjoint(_hash_messages(coded_picture(frame, 8))) for frame in frames)


def _hash_messages(picture: Picture) -> tuple[bytes, bytes]:
    crcs = (binascii.crc_hqx(plane.tobytes(), _CRC_BEGIN).to_bytes(2, "big") for plane in picture.planes)
    return b"\0" + b"".join(sei.picture_md5s(picture)), b"\1" + b"".join(crcs)


def md5_of_lines(md5s: Iterable[str]) -> str:
    """As the manifest has it."""
    return _md5("".join(f"{md5}\n" for md5 in md5s).encode())


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def recoding_of(units: Sequence[bytes]) -> str:
    """``identical``, ``other pictures``, or why slices are refused; ``none`` where there are none."""
    if not any(map(hevc.is_slice, units)):
        return "none"
    try:
        moved = list(recoded(units))
    except FFHybridError as error:
        return f"refused: {error}"
    return "identical" if decoded_md5s(moved) == decoded_md5s(units) else "other pictures"
