"""The integer decoder of generator `enhance`: what docs/FORMAT.md says, everywhere, and nothing believed."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from enhance_networks import GOLDEN, Layer, SmallNetwork, drawn_picture, golden_picture, planes_md5, small_network
from ffhybrid._cext import ffi, lib
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, FFHybridError, UnsupportedError
from ffhybrid.filters.codes import encode_codes
from ffhybrid.filters.enhance import codec, structure

Maps = NDArray[np.int64]
"""Channels, rows, columns."""
I_PICTURE, P_PICTURE = codec.Known(qp=38), codec.Known(qp=31, distance=5)


def saturated(x: Maps) -> Maps:
    return x.clip(-32768, 32767)


class Reference:
    """Docs/FORMAT.md, section `enhance`, word by word."""

    def __init__(self, network: SmallNetwork, known: codec.Known) -> None:
        self._network = network
        distance = known.distance or 0
        self._conditions = np.array([4 * (known.qp - 32), 64 * (known.distance is not None), min(distance, 128)])

    def layer(self, name: str, x: Maps, *, relu: bool = False) -> Maps:
        layer = self._network.layer(name)
        side = layer.weights.shape[-1]
        padded = np.pad(x, ((0, 0), (side // 2,) * 2, (side // 2,) * 2))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (1, 2))
        sums = np.einsum("oikl,iyxkl->oyx", layer.weights, windows) + self._bias(layer)[:, None, None]
        made = saturated((sums + 512) >> 10)
        return made.clip(0) if relu else made

    def _bias(self, layer: Layer) -> NDArray[np.int64]:
        if not layer.conditions.shape[1]:
            return layer.bias
        return layer.bias + ((layer.conditions @ self._conditions + 32) >> 6)

    def block(self, name: str, x: Maps) -> Maps:
        return saturated(x + self.layer(f"{name}.second", self.layer(f"{name}.first", x, relu=True)))

    def look(self, inputs: Maps) -> tuple[Maps, Maps]:
        """Give detail and gains."""
        half = self.layer("stem", inputs, relu=True)
        quarter = self.layer("down4", unshuffled(half), relu=True)
        eighth = self.layer("down8", unshuffled(quarter), relu=True)
        for number in range(self._network.sizes[3]):
            eighth = self.block(f"trunk{number}", eighth)
        quarter = saturated(quarter + enlarged(self.layer("up4", eighth), 2, 4))
        quarter = self.block("merge", quarter)
        gains = self.layer("gain.second", self.layer("gain.first", quarter, relu=True), relu=True)
        half = saturated(half + enlarged(self.layer("up2", quarter), 2, 4))
        return self.layer("detail", saturated(half + self.layer("fuse", half, relu=True))), gains

    def texture(self, gains: Maps, noise: int, blocks: Maps | None) -> Maps:
        rows, columns = 4 * gains.shape[1], 4 * gains.shape[2]
        tall = along(gains, 4, 1)
        if blocks is not None:
            factors = (along(along(blocks, 64, 1)[:, :rows], 16, 2)[:, :, : columns // 4] + 2048) >> 12
            tall = np.minimum((tall * factors + 16) >> 5, 8 * 32767)
        padded = np.pad(noise_plane(noise, rows, columns), 3)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
        patterns = saturated((np.einsum("kij,yxij->kyx", self._network.filters, windows) + 512) >> 10)
        return saturated(((((along(tall, 4, 2) + 256) >> 9) * patterns).sum(0) + 128) >> 8)

    def picture(self, base: Picture, strengths: codec.Strengths) -> Picture:
        width, height = (-(-side // 8) * 8 for side in (base.width, base.height))
        planes = base.padded(width, height).planes
        unit = 1 << (14 - base.bit_depth)
        y, cb, cr = ((plane.astype(np.int64) - (1 << (base.bit_depth - 1))) * unit for plane in planes)
        detail, gains = self.look(np.concatenate((unshuffled(y[None]), cb[None], cr[None])))
        luma = np.zeros((height, width), np.int64)
        for place in range(4):
            luma[place // 2 :: 2, place % 2 :: 2] = detail[place]
        strength, blocks = round(32 * strengths.texture), None
        if strengths.levels:
            levels = np.array([strengths.levels], np.int64)
            padded = np.pad(levels, ((0, 0), (0, 1), (0, 1)), mode="edge")  # what was added to the sides
            strength, blocks = 32, np.minimum(padded * strength >> 1, 255)
        texture = self.texture(gains, strengths.noise, blocks)
        shift = 21 - base.bit_depth

        def added(plane: NDArray[np.int64], detail: NDArray[np.int64], texture: NDArray[np.int64]) -> NDArray[np.int64]:
            sums = detail * round(32 * strengths.detail) + texture * strength
            return (plane + ((sums + (1 << (shift - 1))) >> shift)).clip(0, (1 << base.bit_depth) - 1)

        parts = (luma, texture), (detail[4], 0 * detail[4]), (detail[5], 0 * detail[5])
        made = [added(plane.astype(np.int64), *part) for plane, part in zip(planes, parts, strict=True)]
        y, cb, cr = (plane.astype(base.y.dtype) for plane in made)
        return Picture(y, cb, cr, base.bit_depth).cropped(base.width, base.height)


def unshuffled(x: Maps) -> Maps:
    places = [x[:, row::2, column::2] for row in range(2) for column in range(2)]
    return np.stack(places, 1).reshape(-1, x.shape[1] // 2, x.shape[2] // 2)


def enlarged(x: Maps, factor: int, shift: int) -> Maps:
    """Weights are odd multiples of 1 / (2 factor) both ways; their product is shifted out, and more."""
    return (along(along(x, factor, 1), factor, 2) + (1 << (shift - 1))) >> shift


def along(x: Maps, factor: int, axis: int) -> Maps:
    at = 2 * np.arange(factor * x.shape[axis]) + 1 - factor
    before, part = at // (2 * factor), at % (2 * factor)
    near, far = (np.take(x, place.clip(0, x.shape[axis] - 1), axis) for place in (before, before + 1))
    part = part.reshape(-1, 1) if axis == 1 else part
    return (2 * factor - part) * near + part * far


def noise_plane(number: int, rows: int, columns: int) -> NDArray[np.int64]:
    mask = 0xFFFFFFFF
    row, column = np.arange(rows, dtype=np.uint64)[:, None], np.arange(columns, dtype=np.uint64)
    v = (column * 0x9E3779B1 ^ row * 0x85EBCA77 ^ np.uint64((number + 1) * 0xC2B2AE3D)) & mask
    v = ((v ^ v >> np.uint64(16)) * np.uint64(0x7FEB352D)) & mask
    v = ((v ^ v >> np.uint64(15)) * np.uint64(0x846CA68B)) & mask
    v ^= v >> np.uint64(16)
    return sum((v >> np.uint64(shift) & np.uint64(255)).astype(np.int64) for shift in (0, 8, 16, 24)) - 510


CASES = {
    "I": (PictureSpec(64, 48), I_PICTURE, codec.Strengths(), 1.4),
    "P": (PictureSpec(32, 24), P_PICTURE, codec.Strengths(texture=0.5), 1.4),
    "far P": (PictureSpec(32, 24), codec.Known(qp=0, distance=999), codec.Strengths(detail=0), 1.4),
    "odd": (PictureSpec(50, 22), I_PICTURE, codec.Strengths(texture=2, detail=1.5, noise=255), 1.4),
    "tiny": (PictureSpec(2, 2), I_PICTURE, codec.Strengths(texture=3), 1.4),
    "wide": (PictureSpec(402, 10), I_PICTURE, codec.Strengths(), 1.4),
    "10 bits": (PictureSpec(70, 34, 10), codec.Known(qp=-12), codec.Strengths(), 1.4),
    "12 bits": (PictureSpec(16, 16, 12), I_PICTURE, codec.Strengths(), 1.4),
    "saturated": (PictureSpec(42, 38), P_PICTURE, codec.Strengths(texture=255 / 32, detail=255 / 32), 6),
    "blocks": (PictureSpec(142, 70), I_PICTURE, codec.Strengths(levels=((0, 2, 3), (1, 0, 2))), 1.4),
    "blocks of 10 bits": (
        PictureSpec(66, 130, 10),
        I_PICTURE,
        codec.Strengths(texture=0.5, levels=((1, 3), (2, 2), (0, 1))),
        1.4,
    ),
    "saturated blocks": (PictureSpec(66, 34), I_PICTURE, codec.Strengths(texture=255 / 32, levels=((3, 2),)), 6),
}


@pytest.mark.parametrize("name", CASES)
def test_pictures_are_what_the_format_says(name: str) -> None:
    spec, known, strengths, gain = CASES[name]
    network, base = small_network(name, gain=gain), drawn_picture(spec)
    ours = codec.Network(network.file).look(base, known, threads=1).picture(strengths)
    assert not ours.same_samples(base)
    assert ours.same_samples(Reference(network, known).picture(base, strengths))


@pytest.mark.parametrize("sizes", [(2, 2, 2, 0, 2, 2), (2, 6, 34, 1, 10, 12), (20, 12, 4, 3, 2, 8)])
def test_networks_have_any_size_within_bounds(sizes: tuple[int, int, int, int, int, int]) -> None:
    network, base = small_network("sized", sizes), drawn_picture(PictureSpec(24, 40))
    ours = codec.Network(network.file).look(base, I_PICTURE, threads=2).picture(codec.Strengths())
    assert ours.same_samples(Reference(network, I_PICTURE).picture(base, codec.Strengths()))


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("threads", [2, 3, 64])
def test_threads_do_not_change_a_sample(threads: int, bit_depth: int) -> None:
    base, network = drawn_picture(PictureSpec(202, 118, bit_depth)), codec.Network(small_network("threads").file)
    alone, shared = (network.look(base, I_PICTURE, threads=count).picture(codec.Strengths()) for count in (1, threads))
    assert shared.same_samples(alone)


def test_a_base_with_rows_apart_is_the_same() -> None:
    whole, network = drawn_picture(PictureSpec(128, 96)), codec.Network(small_network("apart").file)
    part = whole.cropped(66, 34)
    y, cb, cr = (np.ascontiguousarray(plane) for plane in part.planes)
    made = [network.look(base, I_PICTURE, threads=1).picture(codec.Strengths()) for base in (part, Picture(y, cb, cr))]
    assert made[0].same_samples(made[1])


@pytest.mark.parametrize("bit_depth", [8, 10])
def test_no_strength_is_the_base(bit_depth: int) -> None:
    base = drawn_picture(PictureSpec(50, 34, bit_depth))
    seen = codec.Network(small_network("none").file).look(base, I_PICTURE, threads=1)
    assert seen.picture(codec.Strengths(texture=0, detail=0)).same_samples(base)
    assert not seen.picture(codec.Strengths(texture=1 / 32, detail=0)).same_samples(base)
    assert not seen.picture(codec.Strengths(texture=0, detail=1 / 32)).same_samples(base)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_networks_give_golden_planes(name: str) -> None:
    for threads in (1, 2):
        assert planes_md5(golden_picture(GOLDEN[name], threads)) == GOLDEN[name].md5


def test_layers_are_those_of_the_structure() -> None:
    channels = list(structure.CHANNELS.values())
    size = ffi.new(
        "ffh_enhance_size *", [channels, structure.TRUNK_BLOCKS, structure.GAIN_CHANNELS, structure.TEXTURES]
    )
    layers = ffi.new("ffh_enhance_layer[]", lib.FFH_ENHANCE_MAX_LAYERS)
    count = lib.ffh_enhance_layers(size, layers)
    assert [
        (layer.inputs, layer.outputs, layer.kernel, layer.relu, layer.unshuffled, layer.conditioned)
        for layer in layers[0:count]
    ] == [
        (layer.inputs, layer.outputs, layer.kernel, layer.relu, layer.unshuffled, layer.conditioned)
        for layer in structure.LAYERS
    ]


@pytest.mark.parametrize("path", sorted(codec.NETWORKS.glob("*.bin")), ids=lambda path: path.stem)
def test_every_network_is_small_whole_and_named_by_its_digest(path: Path) -> None:
    digest = bytes.fromhex(path.stem)
    assert path.stat().st_size <= 2_000_000
    assert codec.network(digest).digest == digest
    base = drawn_picture(PictureSpec(64, 64))
    assert not codec.network(digest).look(base, I_PICTURE, threads=1).picture(codec.Strengths()).same_samples(base)


def test_the_newest_network_is_there() -> None:
    assert (codec.NETWORKS / f"{codec.NEWEST.hex()}.bin").is_file()


def with_byte(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("at", "value"), [(0, 0), (4, 0), (4, 2), (5, 0), (6, 3), (7, 130), (8, 17), (9, 1), (10, 14), (11, 1)]
)
def test_files_of_other_kinds_are_refused(at: int, value: int) -> None:
    with pytest.raises(CorruptDataError):
        codec.Network(with_byte(small_network("kinds").file, at, value))


def test_files_of_other_lengths_are_refused() -> None:
    whole = small_network("lengths").file
    for data in (b"", whole[:11], whole[:12], whole[:-1], whole + b"\0"):
        with pytest.raises(CorruptDataError):
            codec.Network(data)


FIRST_WEIGHT, OUTPUTS = 12, 6
FIRST_BIAS = FIRST_WEIGHT + 2 * OUTPUTS * 6 * 9
FIRST_CONDITION = FIRST_BIAS + 4 * OUTPUTS


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file[:FIRST_WEIGHT] + struct.pack("<54h", *[1300] * 54) + file[FIRST_WEIGHT + 108 :],
        lambda file: file[:FIRST_WEIGHT] + struct.pack("<2h", -32768, 32767) + file[FIRST_WEIGHT + 4 :],
        lambda file: file[:FIRST_BIAS] + struct.pack("<i", -(2**31)) + file[FIRST_BIAS + 4 :],
        lambda file: file[:FIRST_CONDITION] + struct.pack("<i", 500_000_000) + file[FIRST_CONDITION + 4 :],
    ],
    ids=["many weights", "two weights", "bias", "condition"],
)
def test_networks_whose_sums_could_overflow_are_refused(change: object) -> None:
    file = small_network("large").file
    codec.Network(file)
    with pytest.raises(CorruptDataError):
        codec.Network(change(file))  # type: ignore[operator]


def test_latents_read_back() -> None:
    spec = PictureSpec(130, 64)
    for known in (I_PICTURE, P_PICTURE, codec.Known(qp=-48, distance=65535)):
        for levels in ((), ((0, 3, 1),)):
            strengths = codec.Strengths(texture=0.25, detail=7.5, noise=200, levels=levels)
            latent = codec.EnhanceLatent(known=known, strengths=strengths)
            assert codec.read_latent(codec.write_latent(latent), spec) == latent
    assert len(codec.write_latent(codec.EnhanceLatent(known=I_PICTURE, strengths=codec.Strengths()))) == 10


@pytest.mark.parametrize(
    ("known", "strengths"),
    [
        (codec.Known(qp=52), codec.Strengths()),
        (codec.Known(qp=30, distance=0), codec.Strengths()),
        (codec.Known(qp=30, distance=65536), codec.Strengths()),
        (I_PICTURE, codec.Strengths(texture=8)),
        (I_PICTURE, codec.Strengths(detail=-1)),
        (I_PICTURE, codec.Strengths(noise=256)),
    ],
)
def test_values_beyond_a_latent_are_refused(known: codec.Known, strengths: codec.Strengths) -> None:
    with pytest.raises(ValueError, match="beyond"):
        codec.write_latent(codec.EnhanceLatent(known=known, strengths=strengths))


WHOLE = codec.write_latent(codec.EnhanceLatent(known=I_PICTURE, strengths=codec.Strengths()))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", UnsupportedError),
        (with_byte(WHOLE, 0, 2), UnsupportedError),
        (WHOLE[:1], CorruptDataError),
        (WHOLE[:-1], CorruptDataError),
        (with_byte(WHOLE, 2, WHOLE[2] ^ 1), UnsupportedError),
        (with_byte(WHOLE, 5, 52), CorruptDataError),
        (with_byte(WHOLE, 5, 256 - 49), CorruptDataError),
        (with_byte(WHOLE, 9, 4), UnsupportedError),
        (with_byte(WHOLE, 9, 2) + encode_codes(np.full((1, 1, 1), 4, np.int8)), CorruptDataError),
        (with_byte(WHOLE, 9, 2) + encode_codes(np.full((1, 1, 1), -1, np.int8)), CorruptDataError),
        (with_byte(WHOLE, 9, 1), CorruptDataError),
        (with_byte(WHOLE, 9, 1) + b"\0\0", CorruptDataError),
        (WHOLE + b"\1\0", CorruptDataError),
    ],
)
def test_damaged_latents_are_refused(data: bytes, error: type[FFHybridError]) -> None:
    base = drawn_picture(PictureSpec(16, 16))
    with pytest.raises(error):
        codec.decode(data, base, PictureSpec(16, 16), threads=1)


def test_levels_of_another_picture_are_refused() -> None:
    seen = codec.network(codec.NEWEST).look(drawn_picture(PictureSpec(130, 64)), I_PICTURE, threads=1)
    with pytest.raises(ValueError, match="blocks"):
        seen.picture(codec.Strengths(levels=((1, 2),)))


def test_blocks_of_one_level_are_a_picture_of_one_strength() -> None:
    seen = codec.network(codec.NEWEST).look(drawn_picture(PictureSpec(130, 64)), I_PICTURE, threads=2)
    for level, texture in ((0, 0.0), (2, 1.0)):
        same = seen.picture(codec.Strengths(levels=((level,) * 3,)))
        assert same.same_samples(seen.picture(codec.Strengths(texture=texture)))


@pytest.mark.parametrize("spec", [PictureSpec(16, 32), PictureSpec(18, 16), PictureSpec(16, 16, 10)], ids=str)
def test_bases_of_another_size_are_refused(spec: PictureSpec) -> None:
    with pytest.raises(CorruptDataError):
        codec.decode(WHOLE, drawn_picture(PictureSpec(16, 16)), spec, threads=1)


@pytest.mark.parametrize("spec", [PictureSpec(16386, 2), PictureSpec(3, 4), PictureSpec(8, 8, 14)], ids=str)
def test_impossible_pictures_are_refused(spec: PictureSpec) -> None:
    with pytest.raises(CorruptDataError):
        codec.decode(WHOLE, Picture.zeros(spec), spec, threads=1)


TINY = small_network("damage", (2, 2, 2, 1, 2, 2)).file


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_of_a_network_gives_another_picture_or_an_error(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(TINY)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    base = drawn_picture(PictureSpec(18, 10))
    with contextlib.suppress(CorruptDataError):
        codec.Network(bytes(damaged)).look(base, P_PICTURE, threads=2).picture(codec.Strengths(texture=7))
