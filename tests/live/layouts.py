"""Images of every form in which modules are published, and whether Istio's agent and Envoy Gateway take them.

`test_image.py` reads them as an agent does, `test_agent.py` lets Istio's own code read them: both must say the same.
"""

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from image import CONFIG, LAYER, MANIFEST, Layout

MODULE = b"\0asm\1\0\0\0"  # the least that is one
OTHER = b"\0asm\1\0\0\0\0\4\3abc"  # another, which must not be taken for it
DOCKER, DOCKER_CONFIG = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.container.image.v1+json",
)
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
RAW, RAW_CONFIG = "application/vnd.module.wasm.content.layer.v1+wasm", "application/vnd.module.wasm.config.v1+json"
WASM, WASM_CONFIG = "application/wasm", "application/vnd.wasm.config.v0+json"


def targz(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


PLUGIN = targz(("plugin.wasm", MODULE))


@dataclass(frozen=True)
class Form:
    """One form of image. Taken or refused, with the module as it must come out."""

    name: str
    taken: bool
    layers: list[tuple[str, bytes]]
    manifest: str = MANIFEST
    config: str = CONFIG

    def write(self, directory: Path) -> Layout:
        layout = Layout(directory)
        manifest = {
            "schemaVersion": 2,
            "mediaType": self.manifest,
            "config": layout.keep(self.config, json.dumps({"made": self.name}).encode()),
            "layers": [layout.keep(media_type, content) for media_type, content in self.layers],
        }
        described = layout.keep(self.manifest, json.dumps(manifest).encode())
        (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
        return layout


FORMS = [
    Form("as pinhole writes it", True, [(LAYER, PLUGIN)]),
    Form("in a directory", True, [(LAYER, targz(("opt/plugin.wasm", MODULE)))]),
    Form("beside other files", True, [(LAYER, targz(("README", b"x"), ("plugin.wasm", MODULE), ("z", b"z")))]),
    Form("in the last of two layers", True, [(LAYER, targz(("plugin.wasm", OTHER))), (LAYER, PLUGIN)]),
    Form("as Docker writes it", True, [(DOCKER_LAYER, PLUGIN)], DOCKER, DOCKER_CONFIG),
    Form("raw, with a second layer", True, [(RAW, MODULE), ("application/octet-stream", b"x")], config=RAW_CONFIG),
    Form("raw, alone", False, [(RAW, MODULE)], config=RAW_CONFIG),
    Form("raw, with two more", False, [(RAW, MODULE), (WASM, b"x"), (WASM, b"y")], config=RAW_CONFIG),
    Form("the CNCF's artifact", False, [(WASM, MODULE)], config=WASM_CONFIG),
    Form("a layer for zstd", False, [(LAYER.replace("gzip", "zstd"), PLUGIN)]),
    Form("a layer that is not packed", False, [("application/vnd.oci.image.layer.v1.tar", PLUGIN)]),
    Form("Docker's layer in an OCI manifest", False, [(DOCKER_LAYER, PLUGIN)]),
    Form("an OCI layer in Docker's manifest", False, [(LAYER, PLUGIN)], DOCKER, DOCKER_CONFIG),
    Form("not in the last layer", False, [(LAYER, PLUGIN), (LAYER, targz(("README", b"x")))]),
    Form("by another name", False, [(LAYER, targz(("pinhole.wasm", MODULE)))]),
    Form("a layer that is no tar.gz", False, [(LAYER, MODULE)]),
    Form("something else by that name", False, [(LAYER, targz(("plugin.wasm", b"#!/bin/sh\n")))]),
    Form("no layer", False, []),
]
