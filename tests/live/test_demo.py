"""`make demo` as a whole, and how its page is made and put into Envoy's configuration.

What the page looks like, and whether it says the truth, is test_gallery.py's.
"""

import difflib
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import gallery
import keys
import pictures
import resizers
from bootstrap import BootstrapError, Ports, with_page
from conftest import RESIZER, ROOT
from programs import ProgramError
from showcase import Showcase, ShowcaseError, address
from stack import SCRATCH

POLICY = json.loads((ROOT / "envoy" / "policy.json").read_text())


def test_what_comes_from_the_policy_is_escaped() -> None:
    hostile = '"><script>alert(1)&'
    policy = POLICY | {"presets": {hostile: {"width": 300}}}
    page = gallery.make(policy, pictures.make(SCRATCH / "pictures"))
    assert page.html.count("<script") == 1
    assert "&quot;&gt;&lt;script&gt;alert(1)&amp;" in page.html


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "envoy").glob("envoy*.yaml")))
def test_every_shipped_configuration_takes_the_page(file: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html>")
    text = (ROOT / "envoy" / file).read_text()
    compared = difflib.ndiff(text.splitlines(), with_page(text, page, {"x-name": "value"}).splitlines())
    changed = [line for line in compared if line[0] != " "]
    assert all(line[0] == "+" for line in changed), changed
    assert len(changed) == 8 and changed[2].strip("+ ") == 'path: "/"', changed
    with pytest.raises(BootstrapError, match="one `routes:` of the listener `edge`"):
        with_page(text.replace("- name: edge", "- name: other"), page, {})


@pytest.mark.parametrize("push", ["0", "1"])
def test_the_demo_names_the_page_first_and_serves_it(push: str) -> None:
    try:
        resizers.find("imaginary" if push == "1" else RESIZER, 1, "http://127.0.0.1", keys.fresh())
    except ProgramError as error:
        pytest.skip(str(error))
    ports = Ports.free()
    settings = {f"{name.upper()}_PORT": str(port) for name, port in asdict(ports).items()}
    settings |= {"DEMO_ONCE": "1", "PUSH": push, "RESIZER": "imaginary" if push == "1" else RESIZER}
    command = [sys.executable, str(ROOT / "envoy" / "demo" / "demo.py")]
    done = subprocess.run(command, env=os.environ | settings, text=True, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == f"Look at http://127.0.0.1:{ports.edge}/"
    assert re.search(rf":{ports.edge}/ +200  text/html", done.stdout), done.stdout


@pytest.mark.parametrize(
    ("pattern", "groups", "path"),
    [
        ("/images/(?<preset>[^/]+)/(?<source>.+)", {"preset": "small", "source": "a b.jpg"}, "/images/small/a%20b.jpg"),
        ("/(?<source>(?:a|b)/.+)-(?<preset>x|y)", {"preset": "x", "source": "a/b.jpg"}, "/a/b.jpg-x"),
        ("/images/(?<preset>[^/]+)/(?<source>.+)", {"source": "a.jpg"}, None),  # a group that nobody gives
        ("/images/(?<preset>[a-z]+)/(?<source>.+)", {"preset": "x2", "source": "a.jpg"}, None),  # does not match
        ("/(?:thumbs|t)/(?<preset>[^/]+)/(?<source>.+)", {"preset": "x", "source": "a.jpg"}, None),  # more than text
    ],
)
def test_paths_are_made_from_patterns_or_not_at_all(pattern: str, groups: dict[str, str], path: str | None) -> None:
    assert address(pattern, groups) == path


def test_a_signed_route_is_tried_without_its_signature() -> None:
    signed = {"path": "/signed/(?<source>.+)", "origin": "photos", "signature": {"keys": ["k"]}}
    showcase = Showcase(POLICY | {"routes": [*POLICY["routes"], signed]})
    expected = {attempt.path: (attempt.status, attempt.reason) for attempt in showcase.attempts("a.jpg", "b.svg")}
    assert expected["/signed/a.jpg"] == (403, "bad-signature")


@pytest.mark.parametrize("change", [{"presets": {}}, {"routes": POLICY["routes"][1:]}])
def test_a_policy_without_presets_for_everybody_has_no_page(change: dict) -> None:
    with pytest.raises(ShowcaseError):
        Showcase(POLICY | change)
