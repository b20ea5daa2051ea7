"""Codec `sr`: the network that doubles is better than bicubic, and every byte of one fitted to the clip counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.compare.codecs import create
from ffhybrid.compare.options import CompareOptions
from ffhybrid.compare.overfitting import overfit, read_network
from ffhybrid.compare.superresolution import Doubler, to_unit
from ffhybrid.core.frames import frame_picture
from ffhybrid.errors import CorruptDataError, ModelError, UsageError
from ffhybrid.filters.fsrcnn import bicubic
from ffhybrid.options import EncodeOptions
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.source.resizing import resized
from ffhybrid.source.video import VideoSource
from ffhybrid.x265.options import X265Options
from support import clip as wheel_clip

WIDE, NARROW = 6, 4


def published(path: Path) -> Path:
    """Write weights of the layout that FSRCNN's are published in, of fewer channels and no meaning."""
    torch.manual_seed(0)
    sides, channels = (5, 1, 3, 3, 3, 3, 1, 1), (1, WIDE, *(NARROW,) * 5, WIDE, 4)
    tensors = {}
    for layer, (side, inputs, outputs) in enumerate(zip(sides, channels, channels[1:], strict=False), 1):
        tensors[f"f{layer}"] = 0.1 * torch.randn(side, side, inputs, outputs)
        tensors[f"b{layer}"] = torch.full((outputs if layer < 8 else 1,), 0.1)
        if layer < 8:
            tensors[f"alpha{layer}"] = torch.full((outputs,), 0.2)
    save_file(tensors, path)
    return path


def options(weights: Path | None) -> CompareOptions:
    encode = EncodeOptions(x265=X265Options(preset="ultrafast"), limits=GopLimits(length=10, scene_threshold=0))
    return CompareOptions(bitrates=(80_000,), encode=encode, sr_weights=weights)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return prepare(wheel_clip("bikes.mp4"), tmp_path_factory.mktemp("clip"), frames=8, width=128, height=64)


@pytest.mark.slow
def test_a_network_fitted_to_frames_doubles_them_better_than_bicubic() -> None:
    with VideoSource(wheel_clip("carphone_pristine.mp4")) as source:
        spec = source.info.spec
        whole = next(source.frames(limit=1)).picture
    half = replace(spec, width=spec.width // 2, height=spec.height // 2)
    pair = (to_unit(frame_picture(resized(whole, half), half).y, 8), to_unit(whole.y, 8))
    data = overfit([pair], seed=0)
    doubler = read_network(data)
    with torch.no_grad():
        ours, theirs = ((made - pair[1]).square().mean() for made in (doubler.luma(pair[0]), bicubic(pair[0])))
    assert float(ours) < 0.85 * float(theirs)
    parameters = sum(value.numel() for value in doubler.network.buffers())
    assert parameters == 3681
    assert len(data) < 1 + 4 * 23 + parameters


def test_damaged_networks_are_refused() -> None:
    for data in (b"", b"\1" * 40, b"\2" + bytes(200)):
        with pytest.raises(CorruptDataError, match="network of the file is damaged"):
            read_network(data)


def test_published_weights_are_named_by_digest_and_not_counted(small: Clip, tmp_path: Path) -> None:
    codec = create("sr", options(published(tmp_path / "fsrcnn.safetensors")))
    assert str(codec.settings["network"]).startswith("SHA-256 ")
    stream = tmp_path / "sr.mkv"
    codec.encode(small, stream, bitrate=80_000, note=lambda _: None)
    shown = codec.show(stream, tmp_path)
    with VideoSource(shown) as video:
        assert (video.info.spec.width, video.info.spec.height) == (128, 64)
        assert video.info.spec.colour == small.spec.colour
        assert sum(1 for _ in video.frames()) == 8
    types = dict.fromkeys(range(2000), "P")
    assert codec.split(stream, types)["network"] == 0


def test_weights_that_are_none_are_refused(small: Clip, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing"):
        _ = create("sr", options(tmp_path / "missing.safetensors")).settings
    save_file({"f1": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="no weights of FSRCNN"):
        Doubler.load(tmp_path / "other.safetensors")


def test_pictures_that_cannot_be_halved_are_refused(small: Clip, tmp_path: Path) -> None:
    odd = replace(small, spec=replace(small.spec, height=66))
    with pytest.raises(UsageError, match="128x66.*multiples of 4"):
        create("sr", options(None)).encode(odd, tmp_path / "sr.mkv", bitrate=80_000, note=lambda _: None)
