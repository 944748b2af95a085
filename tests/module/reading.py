"""Reads a module and the configurations that load it. What does not belong here: what they should hold (surface.py)."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import wasmtime
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "target" / "wasm32-wasip1" / "release" / "pinhole.wasm"
WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
# Where the ABI has its functions. The two names of one function never meet.
HOSTS = ("env", "wasi_snapshot_preview1")

# Where builders keep things, in the spelling of every system. Names of files stand in a module without anything between
# them, so a place is known by what is in it and not by where it begins.
PLACE = re.compile(rb"(?:\.cargo|\.rustup|registry/src|toolchains)[/\\]|/(?:home|root|Users|tmp|work|opt)/|[A-Z]:\\")


def module() -> bytes:
    if not MODULE.is_file():
        raise FileNotFoundError(f"{MODULE.relative_to(ROOT)} is missing; run `make wasm`")
    return MODULE.read_bytes()


def imports(content: bytes) -> dict[str, str]:
    """The name of each function that a module wants, and from which host."""
    found = wasmtime.Module(wasmtime.Engine(), content).imports
    assert len({one.name for one in found}) == len(found), "two imports of one name"
    return {one.name: one.module for one in found}


def exports(content: bytes) -> set[str]:
    return {one.name for one in wasmtime.Module(wasmtime.Engine(), content).exports}


def places(content: bytes) -> list[str]:
    """Where on somebody's machine its files were, as far as it says: each with what stands around it."""
    places = [str(ROOT), os.environ.get("CARGO_HOME"), os.environ.get("RUSTUP_HOME"), str(Path.home())]
    here = [re.escape(f"{place}/".encode()) for place in places if place and place != "/"]
    known = re.compile(b"|".join([PLACE.pattern, *here]))
    return [repr(content[max(0, found.start() - 20) : found.end() + 60]) for found in known.finditer(content)]


def plugins(path: Path) -> Iterator[dict]:
    """The `config` of each of pinhole's filters in a file."""
    yield from _plugins(yaml.safe_load(path.read_text()))


def _plugins(node: object) -> Iterator[dict]:
    if isinstance(node, dict):
        if node.get("@type") == WASM:
            yield node["config"]
        for value in node.values():
            yield from _plugins(value)
    elif isinstance(node, list):
        for value in node:
            yield from _plugins(value)
