"""Source pictures that carry their number, so that a picture in the place of another is noticed, whatever was drawn of it.

Twelve fields, dark blue for 0 and yellow for 1: six bits and, below, the same six inverted. What is damaged, cut off or
mixed has no number. Each also has proportions of its own. What does not belong here: who asks for them.
"""

import io
from pathlib import Path

from PIL import Image

COUNT = 48
BITS, COLUMNS, ROWS = 6, 3, 4
WIDTH = 600
COLORS = ((30, 40, 130), (245, 210, 60))
DARK, BRIGHT = 90, 165  # a field's brightness is below the one or above the other, or it is no bit


def name(number: int) -> str:
    return f"marked-{number}.jpg"


def height(number: int, width: int = WIDTH) -> int:
    """Of the source, or of what is drawn of it at a quarter, a half or three quarters of its width: never a fraction."""
    return (400 + 4 * number) * width // WIDTH


def fields(number: int) -> list[int]:
    bits = [number >> bit & 1 for bit in range(BITS)]
    return bits + [1 - bit for bit in bits]


def draw(number: int) -> Image.Image:
    """With enough grain that it takes many packets to send."""
    tall = height(number)
    picture = Image.new("RGB", (WIDTH, tall))
    for place, bit in enumerate(fields(number)):
        left, top = place % COLUMNS * WIDTH // COLUMNS, place // COLUMNS * tall // ROWS
        picture.paste(COLORS[bit], (left, top, WIDTH, tall))
    grain = Image.effect_noise(picture.size, 60).convert("RGB")
    return Image.blend(picture, grain, 0.2)


def make(directory: Path) -> Path:
    """Fills the directory with all of them."""
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(COUNT):
        out = io.BytesIO()
        draw(number).save(out, "JPEG", quality=90)
        (directory / name(number)).write_bytes(out.getvalue())
    return directory


def number_of(picture: Image.Image) -> int | None:
    """The number that a picture carries; None where any field is unclear or contradicts another."""
    grey = picture.convert("L")
    bits = []
    for place in range(COLUMNS * ROWS):
        x = (place % COLUMNS + 0.5) * picture.width / COLUMNS
        y = (place // COLUMNS + 0.5) * picture.height / ROWS
        wide, tall = picture.width / COLUMNS / 3, picture.height / ROWS / 3
        box = tuple(round(side) for side in (x - wide, y - tall, x + wide, y + tall))
        low = grey.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        if DARK < low < BRIGHT:
            return None
        bits.append(int(low >= BRIGHT))
    first, second = bits[:BITS], bits[BITS:]
    if any(one == other for one, other in zip(first, second, strict=True)):
        return None
    return sum(bit << place for place, bit in enumerate(first))
