"""Reads a module from a registry as Istio's agent and Envoy Gateway do, by what their code accepts.

It is strict where they are: which layer counts, of what media type, and the name in it. `test_agent.py` holds it
against Istio's own code. What does not belong here: anything of `envoy/image`, whose work this is to judge.
"""

import gzip
import hashlib
import io
import json
import tarfile
import urllib.error
import urllib.request

MANIFESTS = {
    "application/vnd.oci.image.manifest.v1+json": "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.distribution.manifest.v2+json": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
RAW = "application/vnd.module.wasm.content.layer.v1+wasm"
NAME = "plugin.wasm"
MAGIC = b"\0asm"


class RefusedImage(Exception):
    """An agent would not take this image."""


def fetch(host: str, repository: str, digest: str) -> bytes:
    """The module in the image with this digest (`sha256:…`), from a registry that speaks plain HTTP."""
    media_type, text = _get(f"http://{host}/v2/{repository}/manifests/{digest}", ", ".join(MANIFESTS))
    _check(text, digest)
    manifest = json.loads(text)
    if media_type not in MANIFESTS:
        raise RefusedImage(f"a manifest of type {media_type}")
    layers = manifest["layers"]
    if not layers:
        raise RefusedImage("no layers")

    def content(layer: dict) -> bytes:
        _, blob = _get(f"http://{host}/v2/{repository}/blobs/{layer['digest']}", "*/*")
        _check(blob, layer["digest"])
        if len(blob) != layer["size"]:
            raise RefusedImage(f"{layer['digest']} has {len(blob)} bytes and not {layer['size']}")
        return blob

    if layers[-1]["mediaType"] == MANIFESTS[media_type]:
        module = _unpacked(content(layers[-1]))
    elif (raw := [layer for layer in layers if layer["mediaType"] == RAW]) and len(layers) == 2 and "oci" in media_type:
        module = content(raw[0])
    else:
        raise RefusedImage(f"layers of type {', '.join(layer['mediaType'] for layer in layers)}")
    if not module.startswith(MAGIC):
        raise RefusedImage("what is in it is no module")
    return module


def _unpacked(blob: bytes) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as tar:
            for entry in tar:
                if entry.name.rsplit("/", 1)[-1] == NAME:
                    return tar.extractfile(entry).read()
    except (gzip.BadGzipFile, tarfile.TarError) as error:
        raise RefusedImage(f"the layer is no tar.gz: {error}") from None
    raise RefusedImage(f"no {NAME} in the layer")


def _check(content: bytes, digest: str) -> None:
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found != digest:
        raise RefusedImage(f"{digest} is {found}")


def _get(url: str, accept: str) -> tuple[str, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"accept": accept}), timeout=10) as response:
            return response.headers.get_content_type(), response.read()
    except urllib.error.HTTPError as error:
        raise RefusedImage(f"{url} answers {error.code}") from None
