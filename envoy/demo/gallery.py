"""The demo's page: every preset of every sample picture, what it saves, and attempts that are refused.

Made before Envoy starts. What is known then (pixels, bytes of the originals, the refusal that each attempt must get) is
written into the page; what only an answer can tell (bytes, formats, refusals) its script measures in the browser. The
page names nothing that a visitor may not learn, loads nothing from elsewhere, and escapes whatever the policy says. How
Envoy serves it is written in bootstrap.py.
"""

import base64
import hashlib
import string
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from showcase import Attempt, Showcase

PARTS = Path(__file__).with_name("gallery.html")  # gallery.css and gallery.js lie beside it
DRAWING = "drawing.svg"  # among the pictures, but not resized
GUESS = 400  # the width of a preset's picture whose size only the resizer knows


class Sample(NamedTuple):
    """One of the sample pictures, for those who look and for those who cannot."""

    name: str
    says: str
    looks: str


PHOTOGRAPHS = (
    Sample("landscape.jpg", "A large photograph", "Evening over a lake: a low sun behind dark ridges, reeds in front"),
    Sample("portrait.jpg", "An upright photograph", "An upright view of a lake at dusk, with ridges on the far shore"),
    Sample("turned.jpg", "Turned upright by its EXIF data", "A lake at dusk between reeds and ridges"),
    Sample("albums/été 2024/lac & lune.jpg", "A name with spaces and accents", "Moonrise over a lake and its ridges"),
)
OTHERS = (
    Sample("small.jpg", "Smaller than every preset, so never enlarged", "A tiny view of a lake at dusk"),
    Sample("badge.png", "Transparent", "A teal disc with a small hole in its middle"),
    Sample("spinner.gif", "Animated", "A teal quarter of a disc that turns"),
    Sample("corners.png", "A colour in each quarter", "Four quarters: red, green, yellow, blue"),
    Sample("corners.jpg", "The same as JPEG", "Four quarters: red, green, yellow, blue"),
    Sample("corners-turned.jpg", "Turned upright by its EXIF data", "Four upright quarters: red, green, yellow, blue"),
    Sample("framed.png", "With a border of one colour", "Four coloured quarters in a white frame"),
    Sample("steps.png", "Steps of brightness", "Eight steps of grey, and eight of orange below"),
    Sample("talkative.jpg", "Full of metadata, none of which is passed on", "A lake at dusk"),
    Sample("talkative.png", "The same as PNG", "A lake at dusk"),
    Sample("talkative.webp", "The same as WebP", "A lake at dusk"),
)


@dataclass(frozen=True)
class Page:
    """What is served, and the headers that belong to it."""

    html: str
    headers: dict[str, str]


def make(policy: dict, pictures: Path) -> Page:
    """The page for this policy and the sample pictures in this directory."""
    showcase = Showcase(policy)
    cards = [_card(sample, showcase, pictures, "photograph") for sample in PHOTOGRAPHS]
    others = [_card(sample, showcase, pictures, "other") for sample in OTHERS]
    attempts = list(showcase.attempts(PHOTOGRAPHS[0].name, DRAWING))
    widths = sorted(set().union(*(card.widths for card in cards + others)))
    # An attribute `style` would need a hash of its own for each.
    classes = "".join(f".w{width} {{ --w: {width} }} .most{width} {{ --most: {width} }}\n" for width in widths)
    style = PARTS.with_suffix(".css").read_text() + classes
    script = PARTS.with_suffix(".js").read_text()
    html = string.Template(PARTS.read_text()).substitute(
        style=style,
        script=script,
        icon=escape(showcase.path(next(iter(showcase.presets)), "badge.png")),
        presets=escape(_listed(list(showcase.presets))),
        whole=volume(len(showcase.presets) * sum(card.weight for card in cards + others)),
        renditions=len(showcase.presets) * len(cards + others),
        attempts=len(attempts),
        photographs="\n".join(card.html for card in cards),
        others="\n".join(card.html for card in others),
        rows="\n".join(map(_row, attempts)),
    )
    return Page(html, _headers(style, script))


def _headers(style: str, script: str) -> dict[str, str]:
    # Only the style and the script that are in the page, by their hashes; pictures and answers from where it came from.
    allowed = {
        "default-src": "'none'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in allowed.items()),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
    }


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class _Card(NamedTuple):
    html: str
    weight: int  # of the original, in bytes
    widths: set[int]  # of its pictures, for the style


def _card(sample: Sample, showcase: Showcase, pictures: Path, kind: str) -> _Card:
    file = pictures / sample.name
    with Image.open(file) as picture:
        original = ImageOps.exif_transpose(picture).size
    weight, name = file.stat().st_size, escape(sample.name.rpartition("/")[2])
    sizes = {preset: showcase.size(preset, original) for preset in showcase.presets}
    widths = {preset: size[0] if size else GUESS for preset, size in sizes.items()}
    # From the smallest to the largest, however the policy lists them.
    figures = "\n".join(
        _figure(preset, sample, showcase.path(preset, sample.name), width, sizes[preset])
        for preset, width in sorted(widths.items(), key=lambda item: item[1])
    )
    shape = "upright" if original[0] < original[1] else "lying"
    heights = sorted((size[1] for size in sizes.values() if size), reverse=True)
    if len(heights) > 1 and heights[1] <= 0.75 * heights[0]:
        shape += " stepped"
    return _Card(
        f"""<article class="{kind} {shape}" data-original="{weight}">
<div class="frame">
<header>
<h3>{name}</h3>
<p>{escape(sample.says)}</p>
<p>Original: {original[0]} × {original[1]}, {volume(weight)}</p>
</header>
<div class="sizes most{max(widths.values())}">
{figures}
</div>
</div>
</article>""",
        weight,
        set(widths.values()),
    )


def _figure(preset: str, sample: Sample, path: str, width: int, size: tuple[int, int] | None) -> str:
    sides = f' width="{size[0]}" height="{size[1]}"' if size else ""
    pixels = f"{size[0]} × {size[1]}" if size else ""
    label, name = escape(preset), escape(sample.name.rpartition("/")[2])
    return f"""<figure class="w{width}">
<img src="{escape(path)}" alt="{escape(sample.looks)} ({label})"{sides} decoding="async">
<figcaption>
<a href="{escape(path)}">{label}<span class="unseen"> size of {name}</span></a>
<span>{pixels}</span>
<span class="served"></span>
<span class="saved"></span>
<span class="share"></span>
</figcaption>
</figure>"""


def _row(attempt: Attempt) -> str:
    asked, path, reason = escape(f"{attempt.method} {attempt.path}"), escape(attempt.path), escape(attempt.reason)
    data = f'data-method="{attempt.method}" data-path="{path}" data-status="{attempt.status}" data-reason="{reason}"'
    # The roles are the elements' own, which some browsers forget where they are laid out as blocks.
    return f"""<tr role="row" {data}>
<th role="rowheader" scope="row">{escape(attempt.says)}<code>{asked}</code></th>
<td role="cell"><span class="verdict">must be</span><code class="answer">{attempt.status} {reason}</code></td>
</tr>"""


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def volume(count: int) -> str:
    """Bytes as people read them; the script has the same rule."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
