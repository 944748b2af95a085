"""Sample pictures for the demo and the live tests, drawn, not downloaded, and the same on every run.

They cover what a resizer can meet: large, upright, turned by EXIF, transparent, tiny, animated, vector, full
of metadata, and not an image. Those with a colour in each quarter show which part of them was kept, and how
they were turned.
"""

import hashlib
import math
import os
import random
import shutil
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, PngImagePlugin

ORIENTATION, ARTIST = 0x0112, 0x013B  # EXIF tags
GPS, LATITUDE_REF, LATITUDE = 0x8825, 1, 2

# The quarters of `corners`, clockwise from the upper left: four colours that no encoder takes for each other.
CORNERS = ((220, 30, 30), (30, 180, 60), (230, 200, 40), (40, 60, 220))  # red, green, yellow, blue
FRAMED = (40, 20, 360, 290)  # where `framed.png` has its picture: left, top, right, bottom


def make(directory: Path) -> Path:
    """Fills the directory with the pictures, once: it is made again only when this file changes."""
    stamp = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    made_by = directory / ".made-by"
    if made_by.is_file() and made_by.read_text() == stamp:
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Drawn beside and renamed, so that a run that is broken off, or another at the same time, leaves no half
    # set.
    fresh = Path(tempfile.mkdtemp(prefix=directory.name, dir=directory.parent))
    _draw_all(fresh)
    (fresh / ".made-by").write_text(stamp)
    shutil.rmtree(directory, ignore_errors=True)
    try:
        os.rename(fresh, directory)
    except OSError:  # the other run was faster
        shutil.rmtree(fresh)
    return directory


def _draw_all(to: Path) -> None:
    scene(4000, 3000, seed=1).save(to / "landscape.jpg", quality=92)
    scene(1500, 2000, seed=2).save(to / "portrait.jpg", quality=90)
    scene(200, 150, seed=3).save(to / "small.jpg", quality=90)
    _turned(scene(800, 1200, seed=4), to / "turned.jpg")
    _badge(640).save(to / "badge.png")
    _spinner(160, to / "spinner.gif")
    corners(400, 300).save(to / "corners.png")
    corners(400, 300).save(to / "corners.jpg", quality=95, subsampling=0)
    _turned(corners(300, 400), to / "corners-turned.jpg")
    _framed(corners(320, 270), (420, 300)).save(to / "framed.png")
    _steps(400, 100).save(to / "steps.png")
    _talkative(scene(400, 300, seed=6), to)
    (to / "drawing.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">'
        '<circle cx="200" cy="150" r="90" fill="teal"/></svg>\n'
    )
    (to / "notes.txt").write_text("Not an image, though it lies among them.\n")
    # A name that needs percent-encoding, in a directory below.
    (to / "albums" / "été 2024").mkdir(parents=True)
    scene(1200, 900, seed=5).save(to / "albums" / "été 2024" / "lac & lune.jpg", quality=90)


def scene(width: int, height: int, seed: int) -> Image.Image:
    """Evening over a lake, with enough fine detail in its water and reeds to compress like a photograph."""
    dice = random.Random(seed)
    horizon = int(height * 0.62)
    picture = _gradient(width, horizon, (38, 62, 120), (250, 176, 112))
    picture = _stacked(picture, _gradient(width, height - horizon, (206, 148, 118), (24, 40, 72)))
    draw = ImageDraw.Draw(picture)

    glow = Image.new("L", (width, height), 0)
    x, y, r = int(width * dice.uniform(0.3, 0.7)), int(horizon * 0.72), height // 14
    ImageDraw.Draw(glow).ellipse((x - r, y - r, x + r, y + r), fill=255)
    picture.paste((255, 236, 190), mask=glow.filter(ImageFilter.GaussianBlur(r / 4)))

    for depth in range(4):  # ridges, the nearer the lower and darker; where they dip they are reflections
        base = horizon * (0.74 + 0.08 * depth)
        waves = [
            (dice.uniform(1, 3) * 2**k, dice.uniform(0, math.tau), height * 0.07 / 1.7**k) for k in range(7)
        ]
        line = [
            (
                px,
                base
                + sum(size * math.sin(px / width * rate * math.tau + shift) for rate, shift, size in waves),
            )
            for px in range(0, width + 4, 4)
        ]
        shade = tuple(int(value * (1 - depth / 4.5)) for value in (120, 104, 132))
        draw.polygon([(0, horizon), *line, (width, horizon)], fill=shade)

    for _ in range(height * 2):  # ripples, longer and further apart towards the viewer
        near = dice.random() ** 2
        px, py = dice.randrange(width), horizon + int(near * (height - horizon - 1))
        length = int((0.004 + 0.03 * near) * width)
        bright = dice.randint(-26, 30) + (40 if abs(px - x) < r * (1 + near) else 0)
        color = tuple(max(0, min(255, value + bright)) for value in picture.getpixel((px, py)))
        draw.line((px, py, px + length, py), fill=color, width=max(1, height // 900))

    for _ in range(width // 3):  # reeds along the bottom
        px, tall = dice.randrange(width), dice.uniform(0.03, 0.16) * height
        color = (dice.randint(12, 50), dice.randint(24, 62), dice.randint(20, 40))
        draw.line(
            (px, height, px + dice.uniform(-0.25, 0.25) * tall, height - tall),
            fill=color,
            width=max(1, width // 1200),
        )
    return picture


def corners(width: int, height: int) -> Image.Image:
    """A colour in each quarter."""
    picture = Image.new("RGB", (width, height))
    half, middle = width // 2, height // 2
    for color, place in zip(CORNERS, ((0, 0), (half, 0), (half, middle), (0, middle)), strict=True):
        picture.paste(color, (*place, place[0] + half, place[1] + middle))
    return picture


def _framed(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """With a border of one colour, on each side another width."""
    framed = Image.new("RGB", size, (250, 250, 250))
    framed.paste(picture, FRAMED)
    return framed


def _steps(width: int, height: int) -> Image.Image:
    """Eight steps of grey and, below, as many of a colour: what brightness and the like change is counted."""
    picture = Image.new("RGB", (width, height))
    step = width // 8
    for index in range(8):
        grey = 16 + 32 * index
        picture.paste((grey,) * 3, (index * step, 0, (index + 1) * step, height // 2))
        picture.paste((grey, grey // 2, 64), (index * step, height // 2, (index + 1) * step, height))
    return picture


def _talkative(picture: Image.Image, to: Path) -> None:
    """All kinds of metadata, each with a word that must not come out."""
    exif = Image.Exif()
    exif[ARTIST] = "canary-artist"
    exif[GPS] = {LATITUDE_REF: "N", LATITUDE: (48.0, 51.0, 30.0)}
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>canary-xmp</a></x:xmpmeta>'
    picture.save(to / "talkative.jpg", quality=90, exif=exif, xmp=xmp, comment=b"canary-comment")
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "canary-text")
    texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
    picture.save(to / "talkative.png", exif=exif, pnginfo=texts)
    picture.save(to / "talkative.webp", exif=exif, xmp=xmp, quality=90)


def _gradient(width: int, height: int, top: tuple, bottom: tuple) -> Image.Image:
    mask = Image.linear_gradient("L").resize((width, height))
    return Image.composite(Image.new("RGB", mask.size, bottom), Image.new("RGB", mask.size, top), mask)


def _stacked(above: Image.Image, below: Image.Image) -> Image.Image:
    both = Image.new("RGB", (above.width, above.height + below.height))
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    return both


def _turned(shown: Image.Image, path: Path) -> None:
    """Stored lying down and marked to be turned upright, as telephones do; also names its photographer."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[ARTIST] = "canary-photographer"
    shown.transpose(Image.Transpose.ROTATE_90).save(path, quality=90, exif=exif)


def _badge(side: int) -> Image.Image:
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse(
        (8, 8, side - 8, side - 8), fill=(20, 110, 120, 255), outline=(250, 250, 250, 160), width=side // 40
    )
    draw.ellipse((side * 0.44, side * 0.44, side * 0.56, side * 0.56), fill=(0, 0, 0, 0))  # the pinhole
    return picture


def _spinner(side: int, path: Path) -> None:
    frames = []
    for step in range(8):
        frame = Image.new("RGB", (side, side), (245, 245, 245))
        ImageDraw.Draw(frame).pieslice(
            (10, 10, side - 10, side - 10), step * 45, step * 45 + 90, fill=(20, 110, 120)
        )
        frames.append(frame)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)
