"""x265 options: what the user may ask for, and what the reference lock and the splice settle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import UsageError

HYBRID = "hybrid"
TUNES = (HYBRID, "psnr", "ssim", "fastdecode", "animation")
"""Tunings under which the lock holds; ``grain`` and ``zerolatency`` switch off cutree, which breaks it. ``hybrid`` is
ours."""

PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)

LIGHT_HYBRID = {"aq-mode": "3"}
FULL_HYBRID = {
    **LIGHT_HYBRID,
    "bframes": "5",
    "b-adapt": "2",
    "rc-lookahead": "40",
    "rd": "5",
}
THOROUGH_HYBRID = {**FULL_HYBRID, "bframes": "8", "rc-lookahead": "60", "ref": "5", "rskip": "0"}
"""What ``-tune hybrid`` adds to presets below ``medium``, from there on, and from ``slower`` on: more B pictures leave
more bytes to those that others refer to, and thorough decisions keep skipped blocks, which carry the keyframe's texture
on. What the latter take and give: ``benchmarks/quality/tuning.py``. Deblocking is x265's own: a weaker filter keeps
texture but tears people who move into blocks."""

KEYFRAME_FACTOR = 3
"""Times the bits that x265 would give its own keyframes. At low rates they starve: pictures that refer to a better one
look better in fewer bytes (``benchmarks/quality/keyframe_bits.py``)."""

STRUCTURE = {
    "keyint": "-1",
    "scenecut": "0",
    "open-gop": "0",
    "repeat-headers": "0",
    "info": "0",
    "hash": "1",
    "slices": "1",
    "aud": "0",
    "sao": "0",
    "log-level": "error",
}
"""One closed GOP with MD5 picture hashes, nothing between the pictures that the splice does not know.

SAO is off because x265 4.2 applies it to the chroma of lossless CUs, which a decoder leaves alone (H.265 clause
8.7.3): its own stream then fails its own picture hashes.
"""

TRANSFORM_SKIP = {8: {"tskip": "1", "tskip-fast": "0"}}
"""By bit depth, what the reference lock takes (:mod:`ffhybrid.x265.reference_lock`). GOPs with x265's own keyframe have
it too, since all GOPs of a stream have the same parameter sets."""
SMALL_TRANSFORMS = {"tu-intra-depth": "3"}
"""Only transforms of 4x4 can be skipped. With less, as presets below ``slower`` have it, three times as many samples
differ from the keyframe; with 4 hardly fewer."""

DEFAULTS = {"wpp": "0"}
"""Wavefront rows cost bytes in every picture (entry points, cut contexts); frame threads remain."""

FRAME_THREADS, CTU_SIZE = 4, 64
"""By itself x265 takes a frame thread for each core and every two rows of CTUs. One alone searches further than several
do: with as many as there are cores, GOPs would depend on the machine."""

DEFAULT_CRF = 28.0
HIGHEST_X265_CRF, HIGHEST_CRF = 51.0, 60.0
"""The highest CRFs of x265, and ours."""
QUANTISER_CAP = 45.0
"""The CRF above which quantisation gets no coarser and bits only weigh more in x265's decisions, as they would at that
CRF: towards its highest CRF x265's own way takes more bytes at every step, not fewer
(``benchmarks/quality/quantiser_cap.py``). A lower cap keeps texture of the keyframe, and tears what moves."""
MIN_RD = 3
"""x265 weighs lossless CUs from this RD level on, which the presets up to ``fast`` do not reach by themselves."""

_GOP = "the GOP structure is planned before x265 runs (use -g and -sc_threshold)"
_LOCK = "it would break the reference lock, by which P and B pictures predict from the generated keyframe"
_SPLICE = "the keyframe is written anew under the same parameter sets, which this would change"
_LOW_RD = tuple(map(str, range(MIN_RD)))
_RATE = "rate and quality are set with -b:v, -maxrate, -bufsize and -crf"
_PRESENTATION = "the source's own is carried, in every keyframe and in the container"
_FILES = "the encoder runs in a process of its own and writes no files"

REFUSED = {
    **dict.fromkeys(("keyint", "min-keyint", "scenecut", "hist-scenecut", "open-gop", "radl", "rc-grain"), _GOP),
    **dict.fromkeys(
        (
            "zones",
            "zonefile",
            "lambda-file",
            "lossless",
            "cu-lossless",
            "cutree",
            "cu-tree",
            "no-cutree",
            "no-cu-tree",
            "no-cu-lossless",
            "qpfile",
            "sao",
            "selective-sao",
            "limit-sao",
            "sao-non-deblock",
            "tskip",
            "tskip-fast",
        ),
        _LOCK,
    ),
    **dict.fromkeys(
        (
            "slices",
            "repeat-headers",
            "aud",
            "eob",
            "eos",
            "hrd",
            "temporal-layers",
            "interlace",
            "field",
            "scaling-list",
            "opt-qp-pps",
            "opt-ref-list-length-pps",
            "multi-pass-opt-rps",
            "info",
            "hash",
            "output-depth",
            "input-csp",
            "input-res",
            "input-depth",
            "fps",
            "frames",
            "seek",
            "scc",
            "multiview-config",
            "num-layers",
            "alpha",
            "format",
            "svt",
        ),
        _SPLICE,
    ),
    **dict.fromkeys(("master-display", "max-cll", "hdr10", "dhdr10-info", "chromaloc"), _PRESENTATION),
    **dict.fromkeys(("qp", "bitrate", "vbv-maxrate", "vbv-bufsize", "vbv-init", "pass", "strict-cbr", "crf"), _RATE),
    **dict.fromkeys(
        ("stats", "csv", "csv-log-level", "recon", "recon-depth", "analysis-save", "analysis-load", "dither"),
        _FILES,
    ),
}


def parse_x265_params(text: str) -> dict[str, str]:
    """Parse ``name=value:flag:...`` and refuse what cannot work, with the reason.

    Raises:
        UsageError: an option that this program settles itself.
    """
    params: dict[str, str] = {}
    for entry in filter(None, text.split(":")):
        name, _, value = entry.partition("=")
        name = name.strip().replace("_", "-")
        reason = REFUSED.get(name) or REFUSED.get(name.removeprefix("no-"))
        if reason:
            raise UsageError(f"-x265-params {name}: {reason}")
        if name == "rc-lookahead" and value == "0":
            raise UsageError(f"-x265-params rc-lookahead=0: {_LOCK}, since it switches off cutree")
        if name == "rd" and value in _LOW_RD:
            raise UsageError(f"-x265-params rd={value}: {_LOCK}; it takes at least {MIN_RD}")
        params[name] = value or "1"
    return params


def keyframe_zones(keyframes: Iterable[int] = (0,), *, factor: float = KEYFRAME_FACTOR) -> dict[str, str]:
    """Give pictures of these numbers so many times the bits; a zone ends before its second number."""
    return {"zones": "/".join(f"{number},{number + 1},b={factor:g}" for number in keyframes)}


class Thoroughness(StrEnum):
    """How far ``-tune hybrid`` goes beyond a preset."""

    LEAST = "least"
    """As below ``medium``."""
    BY_PRESET = "by preset"
    MOST = "most"
    """From ``medium`` on as from ``slower`` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class X265Options:
    """Quality and effort of the P and B pictures; ``params`` pass through to x265 after a check, and win.

    Quantisation gets coarser up to the CRF ``quantiser_cap``, under ``-tune hybrid`` and from ``medium`` on; otherwise
    up to x265's last, since quick decisions weigh bits too little to meet small sizes
    (``benchmarks/quality/bitrate.py``).
    """

    crf: float = DEFAULT_CRF
    preset: str = "medium"
    tune: str | None = HYBRID
    params: Mapping[str, str] | None = None
    quantiser_cap: float = QUANTISER_CAP
    thoroughness: Thoroughness = Thoroughness.BY_PRESET

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= HIGHEST_CRF:
            raise UsageError(f"-crf {self.crf:g}: it takes 0 to {HIGHEST_CRF:g}")
        if self.preset not in PRESETS:
            raise UsageError(f"-preset {self.preset}: x265 has {', '.join(PRESETS)}")
        if self.tune is not None and self.tune not in TUNES:
            raise UsageError(f"-tune {self.tune}: {_LOCK}; {', '.join(TUNES)} do not")

    @property
    def x265_crf(self) -> float:
        """What x265 itself is told."""
        return min(self.crf, HIGHEST_X265_CRF if self.tune != HYBRID or self._is_quick else self.quantiser_cap)

    @property
    def lambda_offset(self) -> float:
        """How far the CRF is beyond that."""
        return self.crf - self.x265_crf

    def codec_options(self, lock_params: Mapping[str, str], spec: PictureSpec) -> dict[str, str]:
        """Options of FFmpeg's libx265 wrapper for such pictures; the lock and the structure come last and win."""
        rows, skip = -(-spec.height // CTU_SIZE), TRANSFORM_SKIP.get(spec.bit_depth, {})
        threads = {"frame-threads": str(min((rows + 1) // 2, FRAME_THREADS))}
        rd = {"rd": str(MIN_RD)} if self._is_below("medium") else {}
        small = SMALL_TRANSFORMS if skip and self._is_below("slower") else {}
        ours = {**DEFAULTS, **threads, **rd, **small, **self._tuning()}
        params = {**ours, **(self.params or {}), **STRUCTURE, **skip, **lock_params}
        options = {
            "crf": f"{self.x265_crf:g}",
            "preset": self.preset,
            "x265-params": ":".join(f"{name}={value}" for name, value in params.items()),
        }
        if self.tune and self.tune != HYBRID:
            options["tune"] = self.tune
        return options

    def _tuning(self) -> Mapping[str, str]:
        if self.tune != HYBRID:
            return {}
        if self._is_quick:
            return LIGHT_HYBRID
        is_full = self.thoroughness is not Thoroughness.MOST and self._is_below("slower")
        return FULL_HYBRID if is_full else THOROUGH_HYBRID

    @property
    def _is_quick(self) -> bool:
        return self.thoroughness is Thoroughness.LEAST or self._is_below("medium")

    def _is_below(self, preset: str) -> bool:
        return PRESETS.index(self.preset) < PRESETS.index(preset)
