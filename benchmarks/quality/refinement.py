"""Joint refinement: how much of a GOP's reaction the measured map explains, and what fitting to the whole GOP gains.

For every clip the first GOP is coded at a size with a keyframe that is fitted to its first frame alone. "Explained" is
the part of the variance of frames 1 to 30 that the map predicts when random noise (4x4 blocks of -12 to 12) is added
to the keyframe. Then the keyframe is fitted to all frames and the GOP coded anew at the same size, whether that is
better or not; ``ffhybrid encode -kf:refine`` keeps the better one.

    python -m quality.refinement [--bpp 0.0064] [--preset fast] [--frames 72] [--width 640] [CLIP ...]
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop, Keyframe, encode_generated, encode_native_idr, without_hashes
from ffhybrid.encoder.crf_search import meet_size
from ffhybrid.encoder.keyframe_search import joint_objective
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.quality import GopQuality, Judge, visual_distance
from ffhybrid.filters import Likeness, create
from ffhybrid.refinement.codec_map import decode_with, explained_variance, frame_maps
from ffhybrid.x265.options import X265Options
from one_gop import first_gops, gop_parser

X265_PRESET, FIRST_CRF = "medium", 40.0
NOISE, BLOCK = 12, 4
EXPLAINED_FRAMES = 30


def noisy(picture: Picture) -> Picture:
    """Add noise to luma."""
    rows, columns = picture.y.shape
    noise = np.random.default_rng(0).uniform(-NOISE, NOISE, (-(-rows // BLOCK), -(-columns // BLOCK)))
    whole = noise.repeat(BLOCK, 0).repeat(BLOCK, 1)[:rows, :columns]
    luma = (picture.y + np.rint(whole)).clip(0, (1 << picture.bit_depth) - 1).astype(picture.y.dtype)
    return Picture(luma, picture.cb, picture.cr, picture.bit_depth)


def explained(coded: CodedGop, bit_depth: int) -> float:
    """Measure the map and hold it against what noise does, frames 1 to 30 averaged."""
    keyframe, stream = coded.stream.keyframe(bit_depth), without_hashes(coded.hybrid)
    changed = noisy(keyframe)
    change = changed.y.astype(np.float32) - keyframe.y
    found = [
        explained_variance(late.y.astype(np.float32) - early.y, frame_map.moved(change))
        for frame_map, early, late, _ in zip(
            frame_maps(stream, keyframe),
            decode_with(stream, keyframe),
            decode_with(stream, changed),
            range(EXPLAINED_FRAMES + 1),
            strict=False,
        )
    ]
    return float(np.mean(found[1:]))


class Trial:
    """One GOP coded at a size with different keyframes."""

    def __init__(self, gop: SourceGop, *, preset: str, bpp: float) -> None:
        self._gop = gop
        self._wanted = round(bpp * gop.spec.width * gop.spec.height * len(gop) / 8)
        self._generator = create("overfit", preset=preset)
        self._bases = BaseCoder(gop, _at(FIRST_CRF))
        self._judge = Judge(visual_distance(None, device="auto"))

    def first(self) -> tuple[CodedGop, int]:
        """Fit to the first frame, at the size of x265's own keyframe; gives that size too."""
        native = meet_size(lambda crf: encode_native_idr(self._gop, _at(crf)), self._wanted, first_crf=FIRST_CRF)
        budget = min(native.hybrid.placeholder.size, self._wanted // 2)
        keyframe = fit_keyframe(self._generator, Likeness(self._gop.picture(0)), self._bases, budget=budget)
        return self._coded(keyframe), budget

    def refined(self, coded: CodedGop, budget: int) -> CodedGop:
        """Fit to the whole GOP."""
        objective = joint_objective(self._gop, coded, perceptual=True, lpips=None)
        return self._coded(fit_keyframe(self._generator, objective, self._bases, budget=budget, before=coded.keyframe))

    def quality(self, coded: CodedGop) -> GopQuality:
        """Look at all frames."""
        return self._judge.quality(coded.pictures(), self._gop)

    def _coded(self, keyframe: Keyframe) -> CodedGop:
        return meet_size(
            lambda crf: encode_generated(self._gop, keyframe, _at(crf)),
            self._wanted,
            first_crf=FIRST_CRF,
        )


def _at(crf: float) -> X265Options:
    return X265Options(crf=crf, preset=X265_PRESET)


def main() -> None:
    """Print a row a clip."""
    parser = gop_parser(__doc__, frames=72)
    parser.add_argument("--bpp", type=float, default=0.0064)
    parser.add_argument("--preset", default="fast", help="effort of overfit")
    arguments = parser.parse_args()
    table = Table("clip", "explained", "LPIPS", "refined", "change", "PSNR", "refined", "bytes", "refined", box=None)
    for path, gop in first_gops(arguments):
        trial = Trial(gop, preset=arguments.preset, bpp=arguments.bpp)
        coded, budget = trial.first()
        refined = trial.refined(coded, budget)
        before, after = trial.quality(coded), trial.quality(refined)
        table.add_row(
            path.stem,
            f"{explained(coded, gop.spec.bit_depth):.3f}",
            f"{before.lpips:.4f}",
            f"{after.lpips:.4f}",
            f"{100 * (after.lpips / before.lpips - 1):+.1f} %",
            f"{before.psnr:.2f}",
            f"{after.psnr:.2f}",
            str(coded.size),
            str(refined.size),
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
