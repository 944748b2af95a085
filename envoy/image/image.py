"""`make image`: the module as an OCI image, without Docker, in the form that Istio and Envoy Gateway take.

That form is what `FROM scratch` and `COPY pinhole.wasm /plugin.wasm` would give ("compat"): an OCI manifest whose last
layer is a gzipped tar with `plugin.wasm` in it. It is written as an OCI image layout (a directory that push.py and
other tools take) and nothing of it depends on when or where: the same module gives the same digest. Beside it, in the
same layout, is an artifact with the list of what is in the module (sbom.py), which refers to the image; the image is
the same without it. Only the standard library is used. What does not belong here: anything about registries.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import sbom

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "target" / "wasm32-wasip1" / "release" / "pinhole.wasm"
LAYOUT = ROOT / "target" / "image"

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
NAME = "plugin.wasm"  # the agents look for this one
# A list refers to its image as OCI 1.1 has it; scanners look for this type.
SBOM = "application/vnd.cyclonedx+json"
EMPTY = "application/vnd.oci.empty.v1+json"


class ImageError(Exception):
    """The image cannot be written or read; the message says why."""


class Layout:
    """An OCI image layout with one image in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, digest: str) -> Path:
        return self.directory / "blobs" / digest.replace(":", "/")

    def blob(self, digest: str) -> bytes:
        return self.path(digest).read_bytes()

    @property
    def described(self) -> list[dict]:
        """The descriptors of the image, and of what refers to it."""
        try:
            return json.loads((self.directory / "index.json").read_text())["manifests"]
        except FileNotFoundError:
            raise ImageError(f"{self.directory} holds no image; run `make image`") from None

    @property
    def digest(self) -> str:
        """The image's manifest's, by which it is pinned."""
        return self.described[0]["digest"]

    def manifest(self) -> dict:
        return json.loads(self.blob(self.digest))

    def refer(self, media_type: str, content: bytes, name: str) -> None:
        """Adds an artifact that refers to the image."""
        image, *others = self.described
        subject = {key: image[key] for key in ("mediaType", "digest", "size")}
        layer = self.keep(media_type, content) | {"annotations": {"org.opencontainers.image.title": name}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": self.keep(EMPTY, b"{}"),
            "layers": [layer],
            "subject": subject,
        }
        described = self.keep(MANIFEST, _json(manifest)) | {"artifactType": media_type}
        self.index([image, *others, described])

    def index(self, described: list[dict]) -> None:
        (self.directory / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": described}))

    def keep(self, media_type: str, content: bytes) -> dict:
        """Writes a blob; gives its descriptor."""
        digest = _digest(content)
        path = self.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def write(module: bytes, directory: Path, annotations: dict[str, str]) -> Layout:
    """The module as an image in this directory, instead of whatever was there."""
    shutil.rmtree(directory, ignore_errors=True)
    layout = Layout(directory)
    tar = _tar(module)
    layer = layout.keep(LAYER, _gzip(tar))
    # The platform says nothing about a module, but who pulls images wants one; this is what Docker would say.
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": annotations},
        "rootfs": {"type": "layers", "diff_ids": [_digest(tar)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": layout.keep(CONFIG, _json(config)),
        "layers": [layer],
        "annotations": annotations,
    }
    described = layout.keep(MANIFEST, _json(manifest))
    described["annotations"] = {"org.opencontainers.image.ref.name": annotations["org.opencontainers.image.version"]}
    (directory / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    # Last: a layout without it holds no image.
    layout.index([described])
    return layout


def annotations() -> dict[str, str]:
    """What the image says of itself. The commit is named only where the work tree is that commit."""
    described = json.loads(_output("cargo", "metadata", "--no-deps", "--offline", "--format-version=1") or "{}")
    package = next((package for package in described.get("packages", []) if package["name"] == "pinhole"), None)
    if package is None:
        raise ImageError("`cargo metadata` does not tell of the package pinhole")
    said = {"title": package["name"], "version": package["version"], "licenses": package["license"]}
    said["description"] = package["description"]
    if revision := _revision():
        said["revision"] = revision
    return {f"org.opencontainers.image.{name}": value for name, value in sorted(said.items())}


def _revision() -> str | None:
    # Untracked files change no module, but neither does a build of them have this name.
    return _output("git", "rev-parse", "HEAD") if _output("git", "status", "--porcelain") == "" else None


def _output(*command: str) -> str | None:
    """What a command prints; None where it fails or is not there."""
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _tar(module: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(NAME)  # of the year 1970, root's, readable by all
        entry.size = len(module)
        tar.addfile(entry, io.BytesIO(module))
    return out.getvalue()


def _gzip(content: bytes) -> bytes:
    # By zlib itself, which writes no time; what Python's gzip module writes has changed between its versions.
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(content) + packer.flush()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def main() -> None:
    if not MODULE.is_file():
        raise ImageError(f"{MODULE.relative_to(ROOT)} is missing; run `make wasm`")
    module = MODULE.read_bytes()
    layout = write(module, LAYOUT, annotations())
    layout.refer(SBOM, sbom.write(module), sbom.SBOM.name)
    (layer,) = layout.manifest()["layers"]
    print(f"{LAYOUT.relative_to(ROOT)}: OCI image layout, {NAME} of {len(module)} bytes in a layer of {layer['size']}")
    print(f"  manifest  {layout.digest}")
    print(f"  SBOM      {layout.described[1]['digest']}, which refers to it")
    print(f"  Istio     url: oci://REGISTRY/REPOSITORY@{layout.digest}")
    print(f"            sha256: {layout.digest.removeprefix('sha256:')}")


if __name__ == "__main__":
    try:
        main()
    except (ImageError, sbom.SbomError) as error:
        sys.exit(f"image: {error}")
