"""`make image-push REGISTRY=HOST/REPOSITORY[:TAG]`: pushes target/image, byte for byte, and reads the manifest back;
then what refers to it, the list of what is in the module.

Plain HTTP to this machine's loopback, HTTPS to everybody else, unless `http://` or `https://` stands in front. The
credentials are REGISTRY_USERNAME and REGISTRY_PASSWORD, or Docker's own (`docker login`, credential helpers); they
never go over plain HTTP. The protocol is python-dxf's. What does not belong here: how an image is made (image.py).
"""

import ipaddress
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker.auth
import docker.errors
import requests
from dxf import DXF, DXFBase
from dxf.exceptions import DXFAuthInsecureError, DXFError, DXFUnauthorizedError

from image import LAYOUT, ImageError, Layout

INDEX = "application/vnd.oci.image.index.v1+json"
TIMEOUT = 60.0  # seconds without a byte
HOST = r"(?P<host>(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d+)?)"
PLACE = re.compile(rf"(?:(?P<scheme>https?)://)?{HOST}/(?P<repository>[^:@]+)(?::(?P<tag>[^:@/]+))?", re.ASCII)
REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
REMEDY = "set REGISTRY_USERNAME and REGISTRY_PASSWORD"
DOCKER_HUB = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}


class PushError(Exception):
    """The image was not pushed; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where to: HOST/REPOSITORY:TAG."""

    host: str
    repository: str
    tag: str
    plain: bool

    @classmethod
    def parse(cls, text: str) -> "Place":
        wanted = "expected HOST/REPOSITORY[:TAG], such as registry.example.com/pinhole:0.1.0"
        match = PLACE.fullmatch(text)
        if not match:
            raise PushError(f"`{text}` is no place in a registry; {wanted}")
        host, repository, tag = match["host"], match["repository"], match["tag"] or "latest"
        if host != "localhost" and not re.search(r"[.:]", host):
            raise PushError(f"`{host}` is no host; {wanted}, and docker.io/{text} for Docker Hub")
        if not REPOSITORY.fullmatch(repository):
            raise PushError(f"`{repository}` is no repository: lower-case letters and digits, with `.`, `_`, `-` between")
        if not TAG.fullmatch(tag):
            raise PushError(f"`{tag}` is no tag: at most 128 letters, digits, `_`, `.`, `-`")
        plain = match["scheme"] == "http" if match["scheme"] else _is_loopback(host)
        return cls(host, repository, tag, plain)

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}:{self.tag}"


def _is_loopback(host: str) -> bool:
    name = re.sub(r":\d+$", "", host)
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def credentials(host: str) -> tuple[str, str] | None:
    """Who pushes: the two variables, or what Docker knows for this host."""
    named = os.environ.get("REGISTRY_USERNAME"), os.environ.get("REGISTRY_PASSWORD")
    if all(named):
        return named
    if any(named):
        raise PushError("only one of REGISTRY_USERNAME and REGISTRY_PASSWORD is set; expected both, or none")
    try:
        found = docker.auth.load_config().resolve_authconfig(host) or {}
    except docker.errors.DockerException as error:
        raise PushError(f"Docker's configuration cannot be read for {host}: {error}") from None
    found = {key.lower(): value for key, value in found.items()}
    if "identitytoken" in found:
        raise PushError(
            f"Docker has an identity token for {host}, which is not supported; {REMEDY}"
        )
    return (found["username"], found["password"]) if found.get("username") else None


@contextmanager
def _registry(place: Place, who: tuple[str, str] | None) -> Iterator[DXF]:
    """The repository; its errors in words."""

    def authenticate(registry: DXFBase, response: requests.Response) -> None:
        registry.authenticate(*(who or (None, None)), actions=["pull", "push"], response=response)

    host = DOCKER_HUB.get(place.host, place.host)
    try:
        with DXF(host, place.repository, authenticate, insecure=place.plain, timeout=TIMEOUT) as registry:
            yield registry
    except (DXFError, requests.RequestException) as error:
        raise PushError(f"{place}, {_known(who)}: {_said(error, place)}") from None


def _who(place: Place) -> tuple[str, str] | None:
    return None if place.plain else credentials(place.host)


def _known(who: tuple[str, str] | None) -> str:
    return f"as {who[0]}" if who else "without credentials"


def push(layout: Layout, place: Place) -> str:
    """Pushes blobs and then the manifest, which it reads back by its digest. Gives who pushed, in words."""
    who, text = _who(place), layout.blob(layout.digest).decode()
    with _registry(place, who) as registry:
        _push_blobs(registry, layout, layout.manifest())
        registry.set_manifest(place.tag, text)
        # A registry that keeps another text than it was given has another digest, which nobody could pin.
        if registry.get_manifest(layout.digest) != text:
            raise PushError(f"{place} gives another manifest for {layout.digest} than was pushed")
    return _known(who)


def push_referrers(layout: Layout, place: Place) -> list[str]:
    """Pushes what refers to the image, where OCI 1.1 has clients look for it. Gives the digests."""
    subject, *referrers = layout.described
    tag = subject["digest"].replace(":", "-")
    with _registry(place, _who(place)) as registry:
        for described in referrers:
            text = layout.blob(described["digest"]).decode()
            _push_blobs(registry, layout, json.loads(text))
            # Neither what it answers nor this question is anything that the library has a word for.
            done = registry._request(  # noqa: SLF001
                "put", f"manifests/{described['digest']}", data=text, headers={"Content-Type": described["mediaType"]}
            )
            # A registry that knows referrers says so. For another, clients look for a list of them under a tag.
            if done.headers.get("OCI-Subject") != subject["digest"]:
                listed = [other for other in _listed(registry, tag) if other["digest"] != described["digest"]]
                index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*listed, described]}
                registry.set_manifest(tag, json.dumps(index))
    return [described["digest"] for described in referrers]


def _listed(registry: DXF, tag: str) -> list[dict]:
    """What is in a list of referrers by now: others may have put something there, as a signature."""
    try:
        return json.loads(registry.get_manifest_and_response(tag)[0]).get("manifests", [])
    except requests.HTTPError as error:
        if error.response.status_code == requests.codes.not_found:
            return []
        raise


def _push_blobs(registry: DXF, layout: Layout, manifest: dict) -> None:
    for blob in [*manifest["layers"], manifest["config"]]:
        registry.push_blob(str(layout.path(blob["digest"])))


def _said(error: Exception, place: Place) -> str:
    """An error in words that say what to do."""
    if isinstance(error, DXFAuthInsecureError):
        return "the registry wants credentials, which are not sent over plain HTTP; put https:// in front of the host"
    response = getattr(error, "response", None)
    status = 401 if isinstance(error, DXFUnauthorizedError) else getattr(response, "status_code", None)
    if status in (401, 403):
        return f"the registry refuses with {status}; {REMEDY}, or `docker login {place.host}`"
    if status is not None:
        asked = f"{response.request.method} {response.url.split('?')[0]}"
        return f"the registry answers {status} to {asked}{_errors(response)}"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no TLS that can be trusted ({_cause(error)}); for a registry without any, put http:// in front of the host"
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"cannot be reached by {'HTTP' if place.plain else 'HTTPS'} ({_cause(error)})"
    return str(error) or type(error).__name__


def _errors(response: requests.Response) -> str:
    try:
        found = [f"{error['code']} {error.get('message', '')}".strip() for error in response.json()["errors"]]
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {'; '.join(found)}"


def _cause(error: BaseException) -> str:
    """The innermost reason, which requests wraps several times."""
    while isinstance(inner := getattr(error, "reason", None) or (error.args and error.args[0]), BaseException):
        error = inner
    return str(error).split(": ", 1)[-1]


def main() -> None:
    if len(sys.argv) != 2 or not sys.argv[1]:
        raise PushError("where to? `make image-push REGISTRY=registry.example.com/pinhole:0.1.0`")
    layout, place = Layout(LAYOUT), Place.parse(sys.argv[1])
    known = push(layout, place)
    print(f"pushed {place}, {known}")
    for digest in push_referrers(layout, place):
        print(f"  SBOM        {place.host}/{place.repository}@{digest}")
    print(f"  pull it as  {place.host}/{place.repository}@{layout.digest}")
    print(f"  Istio       url: oci://{place.host}/{place.repository}@{layout.digest}")
    print(f"              sha256: {layout.digest.removeprefix('sha256:')}")


if __name__ == "__main__":
    try:
        main()
    except (ImageError, PushError) as error:
        sys.exit(f"image-push: {error}")
