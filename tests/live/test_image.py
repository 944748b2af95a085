"""`make image` and `make image-push`: the same image every time, in a form that agents take, pushed and read back.

No Envoy is asked. The registries are real ones; `fetcher.py` reads as an agent does, `test_agent.py` is one.
"""

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fetcher
import image
from bootstrap import free_ports
from conftest import ROOT
from image import Layout
from layouts import FORMS, MODULE, Form
from programs import ProgramError
from push import Place, PushError, push
from registries import PASSWORD, REGISTRIES, USER, Registry, distribution
from token_registry import with_tokens
from upstream import Upstream, response


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess:
    """A program of envoy/image, with these variables and no credentials of this machine's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY")}
    environment |= {"DOCKER_CONFIG": "/nonexistent"} | variables
    command = [sys.executable, ROOT / "envoy" / "image" / arguments[0], *arguments[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)


@pytest.fixture(scope="module")
def built() -> Layout:
    """What `make image` makes of the module."""
    done = run("image.py")
    assert done.returncode == 0, done.stderr
    layout = Layout(image.LAYOUT)
    for said in (f"manifest  {layout.digest}\n", f"sha256: {layout.digest[7:]}\n"):
        assert said in done.stdout, done.stdout
    return layout


@pytest.fixture(scope="module", params=REGISTRIES)
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    try:
        with REGISTRIES[request.param]() as running:
            yield running
    except ProgramError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def guarded() -> Iterator[Registry]:
    try:
        with distribution(guarded=True) as running:
            yield running
    except ProgramError as error:
        pytest.skip(str(error))


# ---- the image


def test_the_same_module_gives_the_same_image(built: Layout, tmp_path: Path) -> None:
    def files() -> dict[Path, bytes]:
        found = (path for path in built.directory.rglob("*") if path.is_file())
        return {path.relative_to(built.directory): path.read_bytes() for path in found}

    first, digest = files(), built.digest
    os.utime(image.MODULE)
    again = run("image.py", TZ="Pacific/Kiritimati", LC_ALL="C", SOURCE_DATE_EPOCH="1")
    assert again.returncode == 0 and built.digest == digest and files() == first
    other = image.write(image.MODULE.read_bytes() + b"\0", tmp_path / "image", image.annotations())
    assert other.digest != digest


def test_every_blob_is_what_its_name_says(built: Layout) -> None:
    blobs = {f"sha256:{path.name}" for path in (built.directory / "blobs" / "sha256").iterdir()}
    manifest = built.manifest()
    (layer,) = manifest["layers"]
    _, refers = built.described
    artifact = json.loads(built.blob(refers["digest"]))
    (listed,) = artifact["layers"]
    assert blobs == {
        *(built.digest, manifest["config"]["digest"], layer["digest"]),
        *(refers["digest"], artifact["config"]["digest"], listed["digest"]),
    }
    for digest in blobs:
        assert image._digest(built.blob(digest)) == digest
    assert json.loads((built.directory / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    config = json.loads(built.blob(manifest["config"]["digest"]))
    (diff_id,) = config["rootfs"]["diff_ids"]
    tar = gzip.decompress(built.blob(layer["digest"]))
    assert image._digest(tar) == diff_id
    assert tar[257:265] == b"ustar\x0000" and tar[:12] == b"plugin.wasm\0" and tar[136:148] == b"00000000000\0"


def test_it_says_what_it_is(built: Layout) -> None:
    said = {name.rsplit(".", 1)[1]: value for name, value in built.manifest()["annotations"].items()}
    manifest = (ROOT / "Cargo.toml").read_text()
    assert {"title", "version", "licenses", "description"} <= said.keys() <= {*said, "revision"}
    assert said["title"] == "pinhole" and f'\nversion = "{said["version"]}"\n' in manifest
    assert f'\nlicense = "{said["licenses"]}"\n' in manifest
    assert re.fullmatch(r"[0-9a-f]{40}", said.get("revision", "0" * 40))


def test_make_pushes_where_it_is_told() -> None:
    command = ["make", "--no-print-directory", "--dry-run", "image-push", "REGISTRY=registry.example.com/pinhole:0.1.0"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    *before, pushed = done.stdout.splitlines()
    assert any(line.endswith("envoy/image/image.py") for line in before), done.stdout
    assert pushed.endswith('envoy/image/push.py "registry.example.com/pinhole:0.1.0"'), done.stdout


# ---- pushed and read back


def test_an_agent_gets_the_module(built: Layout, registry: Registry) -> None:
    done = run("push.py", f"{registry.host}/team/pinhole:0.1.0")
    assert done.returncode == 0, done.stderr
    assert f"oci://{registry.host}/team/pinhole@{built.digest}\n" in done.stdout and built.digest[7:] in done.stdout
    assert fetcher.fetch(registry.host, "team/pinhole", built.digest) == image.MODULE.read_bytes()
    again = run("push.py", f"{registry.host}/team/pinhole:0.1.0")  # what is there already
    assert again.returncode == 0 and again.stdout == done.stdout


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_agents_take_and_refuse(form: Form, registry: Registry, tmp_path: Path) -> None:
    layout = form.write(tmp_path)
    push(layout, Place.parse(f"{registry.host}/forms:{FORMS.index(form)}"))
    if form.taken:
        assert fetcher.fetch(registry.host, "forms", layout.digest) == MODULE
    else:
        with pytest.raises(fetcher.RefusedImage):
            fetcher.fetch(registry.host, "forms", layout.digest)


def trusting(registry: Registry, **variables: str) -> dict[str, str]:
    """The variables of one who trusts the registry's certificate."""
    return {"REQUESTS_CA_BUNDLE": str(registry.certificate)} | variables


def docker_config(folder: Path, **config: object) -> str:
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def credentials_of(kind: str, host: str, folder: Path) -> dict[str, str]:
    """The password, where a user of Docker may have it."""
    if kind == "variables":
        return {"REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD}
    if kind == "docker login":
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return {"DOCKER_CONFIG": docker_config(folder, auths={host: {"auth": secret}})}
    helper = folder / "docker-credential-here"
    said = json.dumps({"ServerURL": host, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\nread -r asked; [ \"$1 $asked\" = 'get {host}' ] && echo '{said}'\n")
    helper.chmod(0o755)
    config = docker_config(folder, credHelpers={host: "here"})
    return {"DOCKER_CONFIG": config, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("kind", ["variables", "docker login", "credential helper"])
def test_with_a_password_over_tls(kind: str, built: Layout, guarded: Registry, tmp_path: Path) -> None:
    known = credentials_of(kind, guarded.host, tmp_path)
    done = run("push.py", f"https://{guarded.host}/pinhole:0.1.0", **trusting(guarded, **known))
    assert done.returncode == 0, done.stderr
    assert f"as {USER}" in done.stdout and PASSWORD not in done.stdout


def test_with_a_token(built: Layout, tmp_path: Path) -> None:
    try:
        with with_tokens(tmp_path) as (registry, kept):
            known = credentials_of("docker login", registry.host, tmp_path)
            done = run("push.py", f"https://{registry.host}/team/pinhole:1", **trusting(registry, **known))
            assert done.returncode == 0, done.stderr
            wrong = trusting(registry, REGISTRY_USERNAME=USER, REGISTRY_PASSWORD="wrong-canary")
            refused = run("push.py", f"https://{registry.host}/team/pinhole:2", **wrong)
    except ProgramError as error:
        pytest.skip(str(error))
    assert kept["1"] == built.blob(built.digest) and "2" not in kept
    for blob in (built.manifest()["config"], *built.manifest()["layers"]):
        assert kept[blob["digest"]] == built.blob(blob["digest"])
    assert refused.returncode == 1 and f"as {USER}: the registry refuses with 401" in refused.stderr, refused.stderr


def test_no_password_goes_over_plain_http(built: Layout) -> None:
    (port,) = free_ports(1)
    with Upstream(port) as server:
        server.behaves(response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="here"')], b""))
        done = run("push.py", f"127.0.0.1:{port}/pinhole", REGISTRY_USERNAME=USER, REGISTRY_PASSWORD=PASSWORD)
        assert len(server.asked) == 1 and "authorization" not in dict(server.asked[0].headers)
    assert done.returncode == 1 and "credentials, which are not sent over plain HTTP" in done.stderr, done.stderr


# ---- what goes wrong


def test_a_wrong_password_is_said(built: Layout, guarded: Registry) -> None:
    wrong = trusting(guarded, REGISTRY_USERNAME=USER, REGISTRY_PASSWORD="wrong-canary")
    done = run("push.py", f"https://{guarded.host}/pinhole", **wrong)
    assert done.returncode == 1 and done.stderr == (
        f"image-push: {guarded.host}/pinhole:latest, as {USER}: the registry refuses with 401; set REGISTRY_USERNAME "
        f"and REGISTRY_PASSWORD, or `docker login {guarded.host}`\n"
    )


def test_no_password_is_said(built: Layout, guarded: Registry) -> None:
    done = run("push.py", f"https://{guarded.host}/pinhole", **trusting(guarded))
    assert done.returncode == 1 and "without credentials: the registry refuses with 401" in done.stderr, done.stderr


def test_a_certificate_that_nobody_knows_is_said(built: Layout, guarded: Registry) -> None:
    done = run("push.py", f"https://{guarded.host}/pinhole")
    assert done.returncode == 1 and "no TLS that can be trusted (" in done.stderr and "self" in done.stderr, done.stderr


def test_tls_where_there_is_none_is_said(built: Layout, registry: Registry) -> None:
    done = run("push.py", f"https://{registry.host}/pinhole")
    assert done.returncode == 1 and "for a registry without any, put http:// in front" in done.stderr, done.stderr


def test_nobody_there_is_said(built: Layout) -> None:
    (port,) = free_ports(1)
    done = run("push.py", f"127.0.0.1:{port}/pinhole")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "cannot be reached by HTTP (" in done.stderr and "refused" in done.stderr, done.stderr


def test_a_server_that_is_no_registry_is_said(built: Layout) -> None:
    (port,) = free_ports(1)
    with Upstream(port) as server:
        server.behaves(response("404 Not Found", body=b"nothing"))
        done = run("push.py", f"127.0.0.1:{port}/pinhole")
    wanted = f"the registry answers 404 to POST http://127.0.0.1:{port}/v2/pinhole/blobs/uploads/\n"
    assert done.returncode == 1 and done.stderr.endswith(wanted), done.stderr


def test_one_variable_alone_is_said(built: Layout) -> None:
    done = run("push.py", "registry.example.com/pinhole", REGISTRY_USERNAME="somebody")
    assert done.returncode == 1 and "only one of REGISTRY_USERNAME and REGISTRY_PASSWORD" in done.stderr


def test_an_identity_token_is_said(built: Layout, tmp_path: Path) -> None:
    config = docker_config(tmp_path, auths={"registry.example.com": {"auth": "", "identitytoken": "canary"}})
    done = run("push.py", "registry.example.com/pinhole", DOCKER_CONFIG=config)
    assert done.returncode == 1 and "identity token for registry.example.com" in done.stderr, done.stderr
    assert "canary" not in done.stderr


def test_no_image_is_said(tmp_path: Path) -> None:
    with pytest.raises(image.ImageError, match="run `make image`"):
        push(Layout(tmp_path), Place.parse("127.0.0.1:1/pinhole"))


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag", "plain"),
    [
        ("registry.example.com/pinhole", "registry.example.com", "pinhole", "latest", False),
        ("registry.example.com:5000/a/b/pinhole:v1", "registry.example.com:5000", "a/b/pinhole", "v1", False),
        ("http://registry.svc:5000/pinhole:1", "registry.svc:5000", "pinhole", "1", True),
        ("https://127.0.0.1:5000/pinhole", "127.0.0.1:5000", "pinhole", "latest", False),
        ("127.0.0.1:5000/pinhole", "127.0.0.1:5000", "pinhole", "latest", True),
        ("[::1]:5000/pinhole", "[::1]:5000", "pinhole", "latest", True),
        ("localhost/pinhole", "localhost", "pinhole", "latest", True),
        ("localhost.example.com/pinhole", "localhost.example.com", "pinhole", "latest", False),
        ("127.0.0.1.example.com/pinhole", "127.0.0.1.example.com", "pinhole", "latest", False),
    ],
)
def test_a_place(text: str, host: str, repository: str, tag: str, plain: bool) -> None:
    assert Place.parse(text) == Place(host, repository, tag, plain)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no place in a registry"),
        ("pinhole", "no place in a registry"),
        ("team/pinhole:1", "docker.io/team/pinhole:1 for Docker Hub"),
        ("registry.example.com/Pinhole", "is no repository"),
        ("registry.example.com/a//b", "is no repository"),
        ("registry.example.com/../pinhole", "is no repository"),
        ("registry.example.com/pinhole:a b", "is no tag"),
        ("registry.example.com/pinhole@sha256:00", "no place in a registry"),
        ("user:pass@registry.example.com/pinhole", "no place in a registry"),
        ("ftp://registry.example.com/pinhole", "no place in a registry"),
    ],
)
def test_no_place(text: str, said: str) -> None:
    with pytest.raises(PushError, match=re.escape(said)):
        Place.parse(text)
