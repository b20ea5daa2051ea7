"""libx265 alone: at its defaults, and at the options that serve it best at low rates."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import av

from ffhybrid import hevc
from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs.base import Encoded, Note
from ffhybrid.compare.codecs.pyav import MUXER, PyAVCodec
from ffhybrid.compare.selection import Selection
from ffhybrid.core.frames import PIXEL_FORMATS
from ffhybrid.encoder.crf_search import CRF_STEP
from ffhybrid.encoder.secant_search import Control
from ffhybrid.errors import EncoderError
from ffhybrid.muxer.libav.decode_times import DecodeTimes
from ffhybrid.x265 import isolation
from ffhybrid.x265.lambda_tables import LAMBDA_FILE, lambda_tables
from ffhybrid.x265.options import HIGHEST_CRF, HIGHEST_X265_CRF, QUANTISER_CAP, X265Options, keyframe_zones
from ffhybrid.x265.worker import X265Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What x265 alone is given on top of a preset.

    Args:
        params: options of x265.
        keyframe_factor: times the bits that x265 would give keyframes.
        quantiser_cap: the CRF from which on bits weigh more instead of a coarser quantiser, by tables of lambdas.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    keyframe_factor: float = 1
    quantiser_cap: float = HIGHEST_X265_CRF


DEFAULTS = Tuning()
BEST = Tuning(
    params={
        "wpp": "0",
        "no-sao": "1",
        "aq-mode": "3",
        "bframes": "8",
        "b-adapt": "2",
        "rc-lookahead": "60",
        "ref": "5",
        "rd": "5",
        "rskip": "0",
    },
    keyframe_factor=3,
    quantiser_cap=QUANTISER_CAP,
)
"""The best that was found for x265 alone at 0.003 to 0.02 bits per pixel (docs/COMPARE.md)."""
KEYFRAME_FACTORS = (1.5, 3.0, 4.5)
"""Times the bits for keyframes, of which each file has the best."""


class X265(PyAVCodec):
    """One keyframe a GOP, closed GOPs, nothing between the pictures.

    CRFs reach as far as those of hybrid files, by tables of lambdas like theirs, and go in the same steps.
    """

    def __init__(self, name: str, selection: Selection, *, preset: str, tuning: Tuning) -> None:
        control = Control(low=0, high=HIGHEST_CRF, step=CRF_STEP, slope=-0.115)
        super().__init__(name, "libx265", control, selection, first_crf=34)
        self._preset, self._tuning = preset, tuning
        length = str(selection.gop_length)
        structure = {"keyint": length, "min-keyint": length, "scenecut": "0", "open-gop": "0", "info": "0"}
        self._params = {**structure, **tuning.params, "log-level": "error"}

    @property
    def settings(self) -> Mapping[str, object]:
        """Those of any encoder of FFmpeg, and what shows at high CRFs alone."""
        return {**super().settings, "quantiser_cap": self._tuning.quantiser_cap}

    def options(self, crf: float, *, frames: int = 1) -> dict[str, str]:
        """Give options of FFmpeg's wrapper."""
        factor = self._tuning.keyframe_factor
        common = self._common(crf)
        keyframes = range(0, frames, self.selection.gop_length)
        params = {**self._params, **(keyframe_zones(keyframes, factor=factor) if factor != 1 else {})}
        if common.lambda_offset:
            params["lambda-file"] = LAMBDA_FILE
        joined = ":".join(f"{key}={value}" for key, value in params.items())
        return {"preset": self._preset, "x265-params": joined, "crf": f"{common.x265_crf:.2f}"}

    def encode_at(self, clip: Clip, path: Path, value: float) -> None:
        """Encode at a CRF, in a process of its own: libx265 keeps tables of lambdas for whoever encodes next."""
        with tempfile.TemporaryDirectory(prefix="ffhybrid-x265-") as name:
            folder = Path(name)
            offset = self._common(value).lambda_offset
            (folder / LAMBDA_FILE).write_text(lambda_tables(bit_depth=clip.spec.bit_depth, lambda_offset=offset))
            encode = isolation.encoder.run(_job(clip, folder / "frames.yuv", self._coding(clip, value)), folder)
        if encode.exit_code:
            raise EncoderError(f"{clip.name}: x265 failed: {encode.log.strip()}")
        _, *packets = encode.records
        self._mux(clip, path, packets)

    def _common(self, crf: float) -> X265Options:
        return X265Options(crf=crf, preset=self._preset, quantiser_cap=self._tuning.quantiser_cap)

    def _coding(self, clip: Clip, crf: float) -> dict[str, str]:
        return self.options(crf, frames=clip.frames)

    def _mux(self, clip: Clip, path: Path, packets: Sequence[tuple[int, bytes]]) -> None:
        """Write packets, each with the number of its frame, behind the header that the encoder would have written."""
        with av.open(path, "w", format="matroska", container_options=MUXER) as container:
            stream = self.stream(container, clip, self._coding(clip, 0))
            for decode_time, (index, data) in zip(
                DecodeTimes().of([index for index, _ in packets]), packets, strict=True
            ):
                packet = av.Packet(data)
                packet.pts, packet.dts, packet.time_base = index, decode_time, 1 / clip.frame_rate
                packet.is_keyframe = any(map(hevc.is_idr, filter(hevc.is_slice, hevc.split_annexb(data))))
                packet.stream = stream
                container.mux(packet)


class X265Best:
    """x265 at :data:`BEST`, with the keyframe factor that the encoder's judge finds best for every file.

    From the lowest one on the next is tried for as long as it is better.
    """

    def __init__(self, name: str, selection: Selection, *, preset: str) -> None:
        def codec(factor: float) -> X265:
            return X265(name, selection, preset=preset, tuning=replace(BEST, keyframe_factor=factor))

        self.name, self._selection = name, selection
        self._plain, self._codecs = codec(1), {factor: codec(factor) for factor in KEYFRAME_FACTORS}

    @property
    def settings(self) -> Mapping[str, object]:
        """Those of x265 without a factor, and which are tried."""
        return {**self._plain.settings, "keyframe_factors": KEYFRAME_FACTORS}

    def encode(self, clip: Clip, target: Path, *, bitrate: int, note: Note) -> Encoded:
        """Meet the size with one factor after the other; see :meth:`Codec.encode`."""
        wanted, encodes, seconds = clip.bytes_at(bitrate), 0, 0.0
        best: tuple[float, str] | None = None
        with tempfile.TemporaryDirectory(prefix="factors-", dir=target.parent) as folder:
            trial = Path(folder) / target.name
            for factor, codec in self._codecs.items():
                encoded = codec.encode(clip, trial, bitrate=bitrate, note=note)
                encodes, seconds = encodes + encoded.encodes, seconds + encoded.seconds
                cost = self._selection.cost(clip, trial, size=trial.stat().st_size, wanted=wanted)
                if best is not None and cost >= best[0]:
                    break
                best = cost, f"{encoded.control}, {factor:g} times the bits for keyframes"
                trial.replace(target)
        assert best is not None  # noqa: S101 - for the type checker: there are factors
        return Encoded(control=best[1], encodes=encodes, seconds=seconds)

    def show(self, stream: Path, folder: Path) -> Path:
        """Return the file itself."""
        return self._plain.show(stream, folder)

    def typed(self, stream: Path, shown: Path) -> Path:
        """Return the file itself."""
        return self._plain.typed(stream, shown)

    def split(self, stream: Path, types: Mapping[int, str]) -> dict[str, int]:
        """Sum the packets by type."""
        return self._plain.split(stream, types)


def _job(clip: Clip, frames: Path, options: dict[str, str]) -> X265Job:
    with frames.open("wb") as file:
        for frame in clip.video_frames():
            frame.to_ndarray().tofile(file)
    return X265Job(
        frames=str(frames),
        keyframe=None,
        count=clip.frames,
        width=clip.spec.width,
        height=clip.spec.height,
        pix_fmt=PIXEL_FORMATS[clip.spec.bit_depth],
        frame_rate=str(clip.frame_rate),
        sample_aspect_ratio="0",
        colour=clip.spec.colour.code_points,
        options=options,
    )
