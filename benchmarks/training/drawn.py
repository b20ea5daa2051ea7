"""Pictures in which nothing is missing: defocus, gradients, text, screens and cartoons, made of photos or drawn.

An enhancer learns from them where it has to leave a picture alone. All are RGB, (rows, columns, 3), float in 0 to 255.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgb = NDArray[np.float32]

FONTS = sorted(Path("/usr/share/fonts").rglob("*.ttf"))
RADII = (2.0, 12.0)
WORDS = 60


def defocused(photo: Rgb) -> Rgb:
    """Blur a photo as a lens does, whole or by parts, and give half of them a sensor's faint noise."""
    blurred = _disk_blur(photo, random.uniform(*RADII))
    if random.random() < 0.5:
        mask = _mask(photo.shape[0], photo.shape[1])
        blurred = mask * blurred + (1 - mask) * photo
    if random.random() < 0.5:
        blurred = blurred + np.random.default_rng().normal(0, random.uniform(0.3, 1.5), blurred.shape)
    return blurred.astype(np.float32)


def cartoon(photo: Rgb) -> Rgb:
    """Give a photo few flat colours, and dark lines between them."""
    smooth = _disk_blur(photo, random.uniform(1.5, 4))
    step = random.choice((32, 48, 64))
    flat = (np.floor(smooth / step) + 0.5) * step
    if random.random() < 0.5:
        luma = flat.mean(2)
        edges = np.hypot(*np.gradient(luma)) > step / 4
        flat[edges] *= 0.2
    return _doubled_and_reduced(flat)


def gradient(size: tuple[int, int]) -> Rgb:
    """Two or three colours that run into each other, as skies do."""
    rows, columns = size
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    angle = random.uniform(0, 6.28)
    way = (np.cos(angle) * x / columns + np.sin(angle) * y / rows)[..., None]
    first, second = (np.array(_colour(), np.float32) for _ in range(2))
    way = (way - way.min()) / np.ptp(way)
    if random.random() < 0.5:
        way = 0.5 - 0.5 * np.cos(random.uniform(2, 6) * way)
    return np.asarray(first * (1 - way) + second * way, np.float32)


def screen(size: tuple[int, int]) -> Rgb:
    """Text on a page, or an interface of flat boxes, lines and labels; drawn at twice the size half of the time."""
    rows, columns = size
    factor = random.choice((1, 2))
    image = Image.new("RGB", (columns * factor, rows * factor), _background())
    draw = ImageDraw.Draw(image)
    random.choice((_page, _interface))(draw, image.size, factor)
    return np.asarray(image.resize((columns, rows), Image.Resampling.BOX), np.float32)


def captioned(photo: Rgb) -> Rgb:
    """Write over a photo."""
    image = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(random.randrange(2, 6)):
        place = (random.randrange(image.width // 2), random.randrange(max(image.height - 40, 1)))
        draw.text(place, _words(random.randrange(1, 6)), fill=_colour(), font=_font(random.randrange(12, 48)))
    return np.asarray(image, np.float32)


DRAWN: tuple[Callable[[tuple[int, int]], Rgb], ...] = (gradient, screen, screen, screen)
CHANGED: tuple[Callable[[Rgb], Rgb], ...] = (defocused, defocused, defocused, defocused, cartoon, captioned)
"""What is made of a size, and of a photo; each is drawn as often as it stands here."""


def _disk_blur(photo: Rgb, radius: float) -> Rgb:
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (radius + 0.5 - np.hypot(y, x)).clip(0, 1).astype(np.float32)
    kernel = torch.from_numpy(disk / disk.sum())[None, None].expand(3, 1, -1, -1)
    planes = torch.from_numpy(photo).permute(2, 0, 1)[None]
    padded = F.pad(planes, (reach,) * 4, mode="reflect")
    return np.asarray(F.conv2d(padded, kernel, groups=3)[0].permute(1, 2, 0).numpy(), np.float32)


def _mask(rows: int, columns: int) -> Rgb:
    """Make a soft edge between a sharp and a blurred part, (rows, columns, 1)."""
    coarse = torch.rand(1, 1, random.randrange(2, 4), random.randrange(2, 4))
    fine = F.interpolate(coarse, size=(rows, columns), mode="bicubic", align_corners=False)
    return np.asarray(((fine[0, 0, ..., None] - 0.5) * random.uniform(4, 30) + 0.5).clamp(0, 1).numpy(), np.float32)


def _doubled_and_reduced(picture: Rgb) -> Rgb:
    """Smooth the stairs of hard edges."""
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    larger = image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC)
    return np.asarray(larger.resize(image.size, Image.Resampling.BOX), np.float32)


def _page(draw: ImageDraw.ImageDraw, size: tuple[int, int], factor: int) -> None:
    ink, y = _ink(draw, size), 8 * factor
    while y < size[1]:
        height = factor * random.choice((9, 11, 12, 14, 16, 20, 28))
        font = _font(height)
        for _ in range(random.randrange(1, 6)):
            draw.text((8 * factor, y), _words(WORDS), fill=ink, font=font)
            y += int(height * 1.4)
        y += random.randrange(2 * height)


def _interface(draw: ImageDraw.ImageDraw, size: tuple[int, int], factor: int) -> None:
    width, height = size
    for _ in range(random.randrange(4, 20)):
        left, top = random.randrange(width), random.randrange(height)
        box = (left, top, left + random.randrange(10, width // 2), top + random.randrange(6, height // 3))
        draw.rounded_rectangle(box, random.choice((0, 4, 9)), fill=_colour(), outline=_colour(), width=factor)
        font = _font(factor * random.randrange(9, 22))
        draw.text((left + 5, top + 3), _words(4), fill=_colour(), font=font)
        draw.line((left, top, random.randrange(width), top), fill=_colour(), width=factor)


def _ink(draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> tuple[int, ...]:
    """Draw a colour far from the background's."""
    bright = sum(draw.im.getpixel((size[0] // 2, size[1] // 2))) > 3 * 128
    return tuple(random.randrange(0, 80) if bright else random.randrange(180, 256) for _ in range(3))


def _background() -> tuple[int, ...]:
    dark, light = (0, 60), (200, 256)
    return tuple(random.randrange(*random.choice((light, light, dark))) for _ in range(1)) * 3


def _colour() -> tuple[int, ...]:
    return tuple(random.randrange(256) for _ in range(3))


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(random.choice(FONTS), size)


def _words(count: int) -> str:
    letters = string.ascii_lowercase * 6 + string.ascii_uppercase + string.digits + ".,-:"
    return " ".join("".join(random.choices(letters, k=random.randrange(1, 11))) for _ in range(count))
