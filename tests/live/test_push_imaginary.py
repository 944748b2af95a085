"""Pushed sources with the real imaginary, which is given no network: the demo's stack with envoy-push.yaml."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image

import contract
import keys
import origin
import resizers
import wire
from programs import ProgramError
from stack import Stack
from wire import Answer, request

CACHE = "public, max-age=3600"


@pytest.fixture(scope="module")
def pushing() -> Iterator[tuple[Stack, None]]:
    try:
        resizers.find("imaginary", 1, None, keys.fresh())
    except ProgramError as error:
        pytest.skip(str(error))
    with Stack(resizer="imaginary", configuration="envoy-push.yaml") as stack:
        yield stack, None


def get(pushing: tuple[Stack, None], path: str, *headers: tuple[str, str]) -> Answer:
    return wire.ask(pushing[0].ports.edge, request(path, headers=list(headers)))


@pytest.mark.parametrize(
    ("path", "size", "kind"),
    [
        ("/images/small/landscape.jpg", (300, 225), "image/jpeg"),
        ("/images/small/portrait.jpg", (300, 400), "image/jpeg"),
        ("/images/small/turned.jpg", (300, 450), "image/jpeg"),
        ("/images/medium/badge.png", (600, 600), "image/png"),
        ("/images/large/small.jpg", (200, 150), "image/jpeg"),
        ("/photos/landscape.jpg?width=5000", (1000, 750), "image/jpeg"),
        ("/photos/badge.png?width=200&format=webp", (200, 200), "image/webp"),
        ("/images/small/albums/%C3%A9t%C3%A9%202024/lac%20&%20lune.jpg", (300, 225), "image/jpeg"),
    ],
)
def test_the_right_picture(path: str, size: tuple[int, int], kind: str, pushing: tuple[Stack, None]) -> None:
    stack, _ = pushing
    before = len(stack.origin_requests())
    answer = get(pushing, path)
    vary = "accept" if "/large/" in path else None
    assert contract.check_served(answer, stack, CACHE, vary, kind) == size
    asked = stack.origin_requests()[before:]
    assert [(entry["method"], entry["status"]) for entry in asked] == [("GET", 200)], "the origin is asked once"


def test_an_upright_photograph_is_upright(pushing: tuple[Stack, None]) -> None:
    answer = get(pushing, "/images/small/corners-turned.jpg")
    with Image.open(io.BytesIO(answer.body)) as picture:
        red, blue = picture.getpixel((9, 9)), picture.getpixel((9, picture.height - 9))
        assert red[0] > 180 > red[2] and blue[2] > 180 > blue[0], f"{red}, {blue}"


@pytest.mark.parametrize(
    ("source", "status", "reason"),
    [
        ("nothing.jpg", 404, "source-not-found"),
        ("error.jpg", 502, "upstream-failed"),
        ("redirect.jpg", 502, "upstream-redirected"),
        ("page.jpg", 502, "not-an-image"),
        ("notes.txt", 502, "not-an-image"),
        ("spinner.gif", 502, "upstream-failed"),  # which imaginary cannot write
    ],
)
def test_what_cannot_be_made(source: str, status: int, reason: str, pushing: tuple[Stack, None]) -> None:
    contract.check_refused(get(pushing, f"/images/small/{source}"), pushing[0], reason, status)


def test_what_the_origin_wants_private_nobody_keeps(pushing: tuple[Stack, None]) -> None:
    for directory in ("private", "no-store", "varying"):
        answer = get(pushing, f"/images/small/{directory}/landscape.jpg")
        contract.check_served(answer, pushing[0], "private, no-store", None, "image/jpeg")


def test_imaginary_fetches_nothing_by_itself(pushing: tuple[Stack, None]) -> None:
    stack, _ = pushing
    before = len(stack.origin_requests())
    url = f"{stack.origin_url}{origin.BASE}landscape.jpg"
    for path in (f"/resize?width=9&url={url}", f"/resize?width=9&url={url}&sign=x", "/resize?width=9&file=/etc/hostname"):
        assert wire.ask(stack.ports.resizer, request(path)).status >= 400
    assert len(stack.origin_requests()) == before


def test_who_has_the_picture_costs_the_resizer_nothing(pushing: tuple[Stack, None]) -> None:
    tag = get(pushing, "/images/small/landscape.jpg").one("etag")
    assert tag and tag.startswith("W/"), tag
    pushing[0].child("imaginary").stop()  # this is the last test, for that reason
    assert get(pushing, "/images/small/landscape.jpg", ("if-none-match", tag)).status == 304
    answer = get(pushing, "/images/small/landscape.jpg")
    contract.check_refused(answer, pushing[0], "upstream-unavailable", 503)
