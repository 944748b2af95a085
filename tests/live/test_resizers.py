"""Every resizer that this machine can run, asked for the same pictures with the same options, decoded and compared.

The pictures and what is to be seen in them are in `tests/pictures.json`, with what remains different. Each resizer has
an Envoy, a gate and the demo's origin of its own, with its settings of `envoy/resizers.md`.
"""

import io
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from PIL import Image, ImageStat

import contract
import keys
import resizers
import wire
from bootstrap import ROOT
from conftest import policy_of
from programs import ProgramError
from stack import Stack
from pictures import GPS
from test_effects import WORDS
from test_options import letter
from wire import Answer, request

PICTURES = json.loads((ROOT / "tests" / "pictures.json").read_text())["cases"]
KEYS = {"name", "options", "source", "size", "type", "seen", "corner", "progressive", "clean", "frames", "mean"}
KEYS |= {"spread", "grey", "lacks", "differs"}
UNSUPPORTED = re.compile(r"^error: presets\.p(\d+)(?:\.[a-z-]+)?: found .* does not have(?: together)?;", re.MULTILINE)


def typed(value: str) -> object:
    """A value as JSON has it."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def policy(resizer: str, without: set[int]) -> dict:
    """A preset for each case, but for those that the resizer does not have."""
    policy = policy_of("policies/basic.json", resizer)
    policy["presets"] = {
        f"p{index}": {name: typed(value) for name, value in (o.split("=", 1) for o in case["options"].split(","))}
        for index, case in enumerate(PICTURES)
        if index not in without
    }
    policy["presets"]["plain"] = {"width": 400}
    policy["routes"] = [{"path": "/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos"}]
    return policy


def lacked(resizer: str) -> set[int]:
    """The cases that `pinhole check` says the resizer does not have."""
    command = ["cargo", "run", "--quiet", "--bin", "pinhole", "--", "check", "/dev/stdin"]
    done = subprocess.run(
        command, cwd=ROOT, env=keys.environment(keys.fresh()), input=json.dumps(policy(resizer, set())), text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    found = {int(index) for index in UNSUPPORTED.findall(done.stderr)}
    assert done.stderr.count("error: ") == len(UNSUPPORTED.findall(done.stderr)), done.stderr
    return found


class Chain:
    """A running chain with one resizer."""

    def __init__(self, name: str, exits: ExitStack) -> None:
        self.name, self.lacked = name, lacked(name)
        self.stack = exits.enter_context(Stack(policy=json.dumps(policy(name, self.lacked)), resizer=name))

    def ask(self, preset: str, source: str) -> Answer:
        return wire.ask(self.stack.ports.edge, request(f"/{preset}/{source}"))


@pytest.fixture(scope="module")
def chains() -> Iterator[dict[str, Chain | str]]:
    """The chains that were asked for so far, or why there is none."""
    with ExitStack() as exits:
        found: dict[str, Chain | str] = {}

        class Chains(dict):
            def __missing__(self, name: str) -> Chain | str:
                try:
                    resizers.find(name, 1, "http://127.0.0.1", keys.fresh())
                except ProgramError as error:
                    self[name] = str(error)
                else:
                    self[name] = Chain(name, exits)
                return self[name]

        yield Chains(found)


@pytest.fixture(params=list(resizers.KNOWN))
def chain(request: pytest.FixtureRequest, chains: dict[str, Chain | str]) -> Chain:
    found = chains[request.param]
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.mark.parametrize("name", resizers.KNOWN)
def test_what_a_resizer_lacks_is_refused_when_the_policy_is_loaded(name: str) -> None:
    wanted = {case["name"] for case in PICTURES if name in case.get("lacks", [])}
    assert {PICTURES[index]["name"] for index in lacked(name)} == wanted


@pytest.mark.parametrize("index", range(len(PICTURES)), ids=[re.sub(r"\W+", "-", case["name"]) for case in PICTURES])
def test_the_same_picture(index: int, chain: Chain) -> None:
    case = dict(PICTURES[index])
    assert case.keys() <= KEYS, f"unknown: {case.keys() - KEYS}"
    name = chain.name
    if name in case.get("lacks", []):
        return  # as `test_what_a_resizer_lacks_is_refused_when_the_policy_is_loaded` shows
    answer = chain.ask(f"p{index}", case["source"])
    wanted = case | {key: value for key, value in case.get("differs", {}).get(name, {}).items() if key != "why"}
    kind = wanted["type"]
    if wanted.get("clean") is False:
        assert answer.status == 200 and b"canary-artist" in answer.body, f"it is no longer so\n{answer}"
        return
    size = contract.check_served(answer, chain.stack, "public, max-age=3600", None, kind)
    assert list(size) == wanted["size"], f"wanted {wanted['size']}\n{answer}"
    check(Image.open(io.BytesIO(answer.body)), wanted, answer, chain)


def check(picture: Image.Image, wanted: dict, answer: Answer, chain: Chain) -> None:
    """The pixels, and what comes beside them."""
    assert picture.getexif().get(0x0112, 1) == 1, f"to be turned by whoever shows it\n{answer}"
    if seen := wanted.get("seen"):
        assert corners(picture) == seen, f"wanted {seen}, seen {corners(picture)}\n{answer}"
    if corner := wanted.get("corner"):
        found = picture.convert("RGBA").getpixel((1, 1))
        far = found[3] if corner == "transparent" else max(abs(a - b) for a, b in zip(found, [*corner, 255], strict=True))
        assert far < 12, f"wanted {corner}, found {found}\n{answer}"
    if "progressive" in wanted:
        assert ("progressive" in picture.info) == wanted["progressive"], f"{picture.info}\n{answer}"
    if "frames" in wanted:
        assert getattr(picture, "n_frames", 1) == wanted["frames"], f"\n{answer}"
    if wanted.get("clean"):
        # Some write an EXIF block of their own, with the resolution and no more.
        told = [word for word in WORDS if word in answer.body and word != b"Exif"]
        assert not told and not picture.getexif().get_ifd(GPS), f"{told}\n{answer}"
    if wanted.get("grey"):
        assert all(max(color) - min(color) < 4 for color in pixels(picture)), f"\n{answer}"
    for name in ("mean", "spread"):
        if bounds := wanted.get(name):
            plain = Image.open(io.BytesIO(chain.ask("plain", wanted["source"]).body)).resize(picture.size)
            factor = measure(name, picture) / measure(name, plain)
            assert bounds[0] <= factor <= bounds[1], f"{name}: wanted {bounds}, found {factor:.3f}\n{answer}"


def corners(picture: Image.Image) -> str:
    """The colours near the corners, clockwise from the upper left."""
    picture = picture.convert("RGB")
    right, bottom = picture.width - 4, picture.height - 4
    return "".join(letter(picture.getpixel(place)) for place in ((3, 3), (right, 3), (right, bottom), (3, bottom)))


def pixels(picture: Image.Image) -> list[tuple[int, int, int]]:
    small = picture.convert("RGB").resize((40, 10), Image.Resampling.BOX)
    return [small.getpixel((x, y)) for x in range(40) for y in range(10)]


def measure(name: str, picture: Image.Image) -> float:
    statistics = ImageStat.Stat(picture.convert("L"))
    return (statistics.mean if name == "mean" else statistics.stddev)[0]


def test_what_remains_different_is_documented() -> None:
    page = (ROOT / "envoy" / "resizers.md").read_text().split("## What each does otherwise\n")[1].split("\n## ")[0]
    assert f"has {len(PICTURES)} pictures" in page
    for name in ("thumbor", "imagor", "imaginary", "ipx"):
        count = sum(name not in case.get("lacks", []) for case in PICTURES)
        assert f"{name} {count}" in page, f"{name} makes {count} of them"
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for case in PICTURES:
        for name, difference in case.get("differs", {}).items():
            told = [row for row in rows if row.startswith(f"| {name} |") and difference["why"] in row]
            assert told, f"envoy/resizers.md does not say of {name}: {difference['why']}"
