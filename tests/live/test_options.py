"""What each option does to a picture, seen in the picture that comes back: place, size, turning, cropping.

`test_effects.py` has the options that change colours, bytes and metadata. Options that the corpus refuses
are not here. The pictures with a colour in each corner are `corners.*` of `envoy/demo/pictures.py`.
"""

import io
from collections.abc import Callable

import pytest
from PIL import Image

import pictures
import wire
from stack import Stack
from wire import request

SIZE = (400, 300)  # of corners.png
LETTERS = dict(zip("RGYB", pictures.CORNERS, strict=True))  # clockwise from the upper left
Fetch = Callable[..., Image.Image]


def fetch_from(stack: Stack, options: str, source: str = "corners.png") -> Image.Image:
    """The picture that Cloudflare's URL for these options gives."""
    answer = wire.ask(stack.ports.edge, request(f"/cdn-cgi/image/{options}/{source}"))
    assert answer.status == 200, f"\n{answer}"
    return Image.open(io.BytesIO(answer.body))


@pytest.fixture(scope="module")
def fetch(stack_for: Callable[[str], Stack]) -> Fetch:
    stack = stack_for("policies/options.json")
    return lambda *arguments: fetch_from(stack, *arguments)


def letter(color: tuple[int, int, int]) -> str:
    """Which of the colours this is, or a dot."""
    far = {
        name: max(abs(a - b) for a, b in zip(other, color, strict=True)) for name, other in LETTERS.items()
    }
    name = min(far, key=far.__getitem__)
    return name if far[name] < 40 else "."


def seen(picture: Image.Image) -> str:
    """The colours in the corners, clockwise from the upper left: RGYB for the picture as it was drawn."""
    picture = picture.convert("RGB")
    right, bottom = picture.width - 4, picture.height - 4
    places = ((3, 3), (right, 3), (right, bottom), (3, bottom))
    return "".join(letter(picture.getpixel(place)) for place in places)


# ---- turning


@pytest.mark.parametrize("source", ["corners.png", "corners.jpg"])
def test_a_picture_stays_as_it_was_drawn(source: str, fetch: Fetch) -> None:
    assert seen(fetch("width=200", source)) == "RGYB"


def test_a_photograph_is_turned_upright_before_anything_is_done(fetch: Fetch) -> None:
    upright = fetch("width=150", "corners-turned.jpg")
    assert (upright.size, seen(upright), upright.getexif()) == ((150, 200), "RGYB", {})
    assert seen(fetch("width=150,rotate=90", "corners-turned.jpg")) == "BRGY"
    cut = fetch("width=1000,trim=box:0;0;200;150", "corners-turned.jpg")
    assert (cut.size, seen(cut)) == ((200, 150), "RGGR")


@pytest.mark.parametrize(
    ("options", "want"),
    [
        ("rotate=90", "BRGY"),  # clockwise: what was at the lower left is at the upper left
        ("rotate=180", "YBRG"),
        ("rotate=270", "GYBR"),
        ("flip=h", "GRBY"),
        ("flip=v", "BYGR"),
        ("flip=hv", "YBRG"),
        ("flip=h,rotate=90", "YGRB"),  # mirrored first, then turned, in whichever order they are named
        ("rotate=90,flip=h", "YGRB"),
        ("flip=v,rotate=90", "RBYG"),
        ("flip=h,rotate=180", "BYGR"),
    ],
)
def test_pictures_are_mirrored_and_then_turned_clockwise(options: str, want: str, fetch: Fetch) -> None:
    picture = fetch(f"width=240,{options}")
    assert seen(picture) == want
    quarter = "90" in options or "270" in options
    assert picture.size == ((240, 320) if quarter else (240, 180)), "the width is that of the turned picture"


# ---- cropping


def turned(options: str) -> Image.Image:
    """The drawing after flip and rotate, as Pillow does them."""
    picture = pictures.corners(*SIZE)
    named = dict(option.split("=") for option in options.split(",") if option)
    if "h" in named.get("flip", ""):
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if "v" in named.get("flip", ""):
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return picture.rotate(-int(named.get("rotate", "0")), expand=True)


@pytest.mark.parametrize("rotate", ["", "rotate=90", "rotate=180", "rotate=270"])
@pytest.mark.parametrize("flip", ["", "flip=h", "flip=v", "flip=hv"])
def test_gravity_means_the_side_as_it_is_seen(rotate: str, flip: str, fetch: Fetch) -> None:
    options = ",".join(filter(None, (flip, rotate)))
    whole = turned(options)
    middle = (whole.width // 2, whole.height // 2)
    for gravity, box in {
        "left": (0, 0, middle[0], whole.height),
        "right": (middle[0], 0, whole.width, whole.height),
        "top": (0, 0, whole.width, middle[1]),
        "bottom": (0, middle[1], whole.width, whole.height),
    }.items():
        kept = whole.crop(box)
        narrower, lower = (10, 0) if gravity in ("left", "right") else (0, 10)
        size = f"width={kept.width // 2 - narrower},height={kept.height // 2 - lower}"
        picture = fetch(",".join(filter(None, (size, "fit=cover", f"gravity={gravity}", options))))
        assert seen(picture) == seen(kept), f"{gravity}, {options}"


def test_without_gravity_the_middle_stays(fetch: Fetch) -> None:
    for gravity in ("", ",gravity=center", ",gravity=auto"):  # auto: thumbor is run without detectors here
        picture = fetch(f"width=100,height=150,fit=cover{gravity}").convert("RGB")
        assert seen(picture) == "RGYB"
        assert letter(picture.getpixel((44, 10))) == "R" and letter(picture.getpixel((56, 10))) == "G"


@pytest.mark.parametrize(
    ("options", "size", "want"),
    [
        ("width=2000,trim=border", (320, 270), "RGYB"),
        ("width=160,trim=border", (160, 135), "RGYB"),
        ("width=135,trim=border,rotate=90", (135, 160), "BRGY"),
        ("width=100,height=100,fit=cover,gravity=left,trim=border", (100, 100), "RGYB"),
    ],
)
def test_a_border_is_trimmed_first(options: str, size: tuple[int, int], want: str, fetch: Fetch) -> None:
    picture = fetch(options, "framed.png")
    assert (picture.size, seen(picture)) == (size, want)


@pytest.mark.parametrize(
    ("options", "size", "want"),
    [
        ("width=2000,trim=box:0;0;200;150", (200, 150), "RRRR"),
        ("width=2000,trim=box:200;150;200;150", (200, 150), "YYYY"),
        ("width=2000,trim=box:100;50;200;200", (200, 200), "RGYB"),
        ("width=2000,trim=box:0;0;200;150,flip=hv,rotate=90", (150, 200), "RRRR"),
        ("width=100,height=100,fit=cover,trim=box:0;0;200;150", (100, 100), "RRRR"),
    ],
)
def test_a_box_is_of_the_original(options: str, size: tuple[int, int], want: str, fetch: Fetch) -> None:
    picture = fetch(options)
    assert (picture.size, seen(picture)) == (size, want)


# ---- fitting


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("width=200,height=200", (200, 150)),
        ("width=800,height=800", (400, 300)),
        ("width=800", (400, 300)),
        ("height=800", (400, 300)),
        ("width=200,height=200,fit=contain", (200, 150)),
        ("width=800,height=800,fit=contain", (800, 600)),
        ("width=800,fit=contain", (800, 600)),
        ("height=600,fit=contain", (800, 600)),
        ("height=800,fit=contain,rotate=90", (600, 800)),
        ("width=200,height=200,fit=cover", (200, 200)),
        ("width=800,height=800,fit=cover", (800, 800)),
        ("width=200,height=200,fit=crop", (200, 200)),
        ("width=800,height=800,fit=crop", (400, 300)),
        ("width=200,height=300,fit=squeeze", (200, 300)),
        ("width=800,height=300,fit=squeeze", (800, 300)),
        ("width=200,height=200,fit=pad", (200, 200)),
        ("width=800,height=800,fit=pad", (800, 800)),
        ("width=300,height=100,fit=pad,rotate=90", (300, 100)),
        ("width=100,dpr=2", (200, 150)),
        ("width=100,dpr=0.5", (50, 38)),
        ("width=100,height=100,dpr=1.5,fit=cover", (150, 150)),
    ],
)
def test_every_fit_has_its_size(options: str, size: tuple[int, int], fetch: Fetch) -> None:
    assert fetch(options).size == size


def test_a_padded_picture_is_whole_and_in_the_middle_of_its_background(fetch: Fetch) -> None:
    for background, want in (("", (255, 255, 255)), (",background=%23ff8800", (255, 136, 0))):
        picture = fetch(f"width=300,height=100,fit=pad{background}").convert("RGB")
        assert picture.getpixel((2, 50)) == picture.getpixel((297, 50)) == want
        assert seen(picture.crop((84, 0, 216, 100))) == "RGYB"


def test_a_padded_picture_is_turned_before_it_is_padded(fetch: Fetch) -> None:
    picture = fetch("width=300,height=100,fit=pad,rotate=90").convert("RGB")
    assert seen(picture.crop((113, 0, 187, 100))) == "BRGY"
