"""What each option does to a picture, seen in the picture that comes back: colours, sharpness, bytes,
metadata, and what becomes of animations.

Options that turn and cut are in `test_options.py`.
"""

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageStat

import wire
from conftest import RESIZER
from stack import Stack
from test_options import Fetch, fetch_from
from wire import request


@pytest.fixture(scope="module")
def options_stack(stack_for: Callable[[str], Stack]) -> Stack:
    return stack_for("policies/options.json")


@pytest.fixture(scope="module")
def fetch(options_stack: Stack) -> Fetch:
    return lambda *arguments: fetch_from(options_stack, *arguments)


def row(picture: Image.Image, colored: bool = False) -> list[tuple[int, int, int]]:
    """The eight steps of steps.png, from dark to bright."""
    picture = picture.convert("RGB")
    return [picture.getpixel((25 + 50 * step, 80 if colored else 20)) for step in range(8)]


def spread(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("L")).stddev[0]


def mean(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("L")).mean[0]


def vividness(picture: Image.Image) -> float:
    return sum(max(color) - min(color) for color in row(picture, colored=True))


# ---- effects


def test_blur_softens_and_sharpen_sharpens(fetch: Fetch) -> None:
    names = ("blur=10", "blur=1", "blur=0", "sharpen=1", "sharpen=10")
    found = [spread(fetch(f"width=300,{option}", "talkative.png")) for option in names]
    assert found == sorted(found) and len(set(found)) == len(found), dict(zip(names, found, strict=True))


def test_brightness_darkens_below_one_and_brightens_above(fetch: Fetch) -> None:
    values = (0, 0.5, 0.8, 1, 1.2, 2)
    found = [mean(fetch(f"width=400,brightness={value}", "steps.png")) for value in values]
    assert found[0] == 0 and found == sorted(found) and len(set(found)) == len(found), found
    for red, green, blue in row(fetch("width=400,brightness=1.2", "steps.png")):
        assert red == green == blue, "a grey is none"


def test_contrast_draws_together_below_one_and_apart_above(fetch: Fetch) -> None:
    values = (0, 0.5, 0.8, 1, 1.2, 1.5)
    found = [spread(fetch(f"width=400,contrast={value}", "steps.png")) for value in values]
    assert found[0] < 1 and found == sorted(found) and len(set(found)) == len(found), found


def test_saturation_makes_grey_at_zero_and_vivid_above_one(fetch: Fetch) -> None:
    found = [vividness(fetch(f"width=400,saturation={value}", "steps.png")) for value in (0, 0.5, 1, 2)]
    assert found[0] == 0 and found == sorted(found) and len(set(found)) == len(found), found
    plain = row(fetch("width=400", "steps.png"))
    assert row(fetch("width=400,saturation=2", "steps.png")) == plain, "greys stay as they are"


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg", "avif"])
def test_a_background_is_behind_what_is_transparent(kind: str, fetch: Fetch) -> None:
    picture = fetch(f"width=300,background=%23ff8800,format={kind}", "badge.png").convert("RGBA")
    orange, teal = (255, 136, 0, 255), (20, 110, 120, 255)
    for place, want in {(1, 1): orange, (150, 150): orange, (150, 225): teal}.items():
        found = picture.getpixel(place)
        assert max(abs(a - b) for a, b in zip(found, want, strict=True)) < 12, f"{place}: {found}"


def test_what_is_transparent_stays_so_without_a_background(fetch: Fetch) -> None:
    for kind in ("png", "webp", "avif"):
        assert fetch(f"width=300,format={kind}", "badge.png").convert("RGBA").getpixel((1, 1))[3] == 0, kind


# ---- bytes


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif"])
def test_more_quality_takes_more_bytes(kind: str, options_stack: Stack) -> None:
    def length(quality: object) -> int:
        path = f"/cdn-cgi/image/width=300,format={kind},quality={quality}/talkative.png"
        return len(wire.ask(options_stack.ports.edge, request(path)).body)

    found = [length(quality) for quality in (1, 10, 40, 60, 80, 95)]
    assert found == sorted(found) and len(set(found)) == len(found), found
    assert [length(word) for word in ("low", "high")] == [length(50), length(90)]


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif", "png"])
def test_every_format_is_written(kind: str, fetch: Fetch) -> None:
    for source in ("talkative.jpg", "talkative.png", "talkative.webp", "badge.png"):
        assert fetch(f"width=100,format={kind}", source).format == kind.upper(), source


def test_without_a_format_that_of_the_original_is_kept(fetch: Fetch) -> None:
    for source, name in (("corners.jpg", "JPEG"), ("corners.png", "PNG"), ("talkative.webp", "WEBP")):
        assert fetch("width=100", source).format == name


# ---- metadata

WORDS = (b"canary-artist", b"canary-xmp", b"canary-text", b"Exif", b"adobe:ns:meta")


@pytest.mark.parametrize("source", ["talkative.jpg", "talkative.png", "talkative.webp"])
@pytest.mark.parametrize("options", ["", ",rotate=90", ",format=jpeg", ",format=png", ",format=webp"])
def test_no_metadata_come_out(source: str, options: str, options_stack: Stack) -> None:
    answer = wire.ask(options_stack.ports.edge, request(f"/cdn-cgi/image/width=300{options}/{source}"))
    told = [word for word in WORDS if word in answer.body]
    assert answer.status == 200 and not told, f"{told}\n{answer}"
    assert (options_stack.pictures / source).read_bytes().count(b"canary") >= 2, "there were none"


# ---- what thumbor does otherwise than the options say (notes in src/resizer/thumbor.rs)

only_thumbor = pytest.mark.skipif(RESIZER != "thumbor", reason="another resizer has other differences")


@only_thumbor
def test_thumbor_keeps_the_comment_of_a_jpeg(options_stack: Stack) -> None:
    answer = wire.ask(options_stack.ports.edge, request("/cdn-cgi/image/width=300/talkative.jpg"))
    assert b"canary-comment" in answer.body


@only_thumbor
def test_thumbor_makes_one_picture_of_an_animation_and_leaves_it_a_gif(fetch: Fetch) -> None:
    plain = fetch("width=80", "spinner.gif")
    assert (plain.format, plain.size, plain.n_frames) == ("GIF", (80, 80), 1)
    assert fetch("width=80,format=webp", "spinner.gif").format == "GIF", "whatever is asked for"


def test_white_is_behind_a_jpeg_that_has_no_background(fetch: Fetch) -> None:
    assert min(fetch("width=300,format=jpeg", "badge.png").getpixel((1, 1))) > 247


@only_thumbor
def test_thumbor_may_leave_a_pixel_of_the_width_where_half_a_pixel_of_height_is_left(fetch: Fetch) -> None:
    assert fetch("width=150").size == (149, 112), "of 400x300, where 150x113 was meant"


@only_thumbor
def test_thumbor_takes_no_notice_of_a_box_beside_the_picture(fetch: Fetch) -> None:
    assert fetch("width=2000,trim=box:200;150;200;150", "small.jpg").size == (200, 150)


@only_thumbor
def test_thumbor_fails_where_less_than_half_a_pixel_of_height_is_left(options_stack: Stack) -> None:
    answer = wire.ask(options_stack.ports.edge, request("/cdn-cgi/image/width=1/steps.png"))
    assert (answer.status, answer.reason) == (502, "upstream-failed"), f"\n{answer}"


@only_thumbor
def test_thumbor_enlarges_what_it_trimmed_though_crop_never_does(fetch: Fetch) -> None:
    assert fetch("width=300,height=225,fit=crop,trim=box:0;0;200;150").size == (300, 225)
