"""The list of what is in the module, pushed with the image and found again as scanners do: by what refers to the image.

What is in the list, `module/test_sbom.py` says. No Envoy is asked; the registries are real ones.
"""

import hashlib
import json
import urllib.error
import urllib.request

import pytest

import fetcher
import image
import sbom
from image import EMPTY, MANIFEST, SBOM, Layout
from push import INDEX, Place, push, push_referrers
from registries import Registry
from test_image import built, registry, run, trusting  # noqa: F401 (fixtures)
from token_registry import with_tokens


def get(registry: Registry, path: str, accept: str = "*/*") -> bytes | None:
    """Nothing where there is nothing."""
    asked = urllib.request.Request(f"http://{registry.host}/v2/{path}", headers={"accept": accept})
    try:
        with urllib.request.urlopen(asked, timeout=10) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
        return None


def referrers(registry: Registry, repository: str, digest: str) -> list[dict]:
    """What refers to an image: the registry's own answer, or else the list under a tag (OCI distribution 1.1)."""
    answer = get(registry, f"{repository}/referrers/{digest}", INDEX)
    answer = answer or get(registry, f"{repository}/manifests/{digest.replace(':', '-')}", INDEX)
    return json.loads(answer)["manifests"] if answer else []


def pulled(registry: Registry, repository: str, described: dict) -> bytes:
    """The list that such an artifact holds, every digest checked."""
    text = get(registry, f"{repository}/manifests/{described['digest']}", MANIFEST)
    assert text and len(text) == described["size"]
    assert f"sha256:{hashlib.sha256(text).hexdigest()}" == described["digest"]
    artifact = json.loads(text)
    assert artifact["artifactType"] == SBOM and artifact["config"]["mediaType"] == EMPTY
    (layer,) = artifact["layers"]
    content = get(registry, f"{repository}/blobs/{layer['digest']}")
    assert content and f"sha256:{hashlib.sha256(content).hexdigest()}" == layer["digest"]
    return content


def test_it_is_found_by_the_image(built: Layout, registry: Registry) -> None:  # noqa: F811
    assert referrers(registry, "listed", built.digest) == []
    place = f"{registry.host}/listed:1"
    done = run("push.py", place)
    assert done.returncode == 0, done.stderr
    (described,) = referrers(registry, "listed", built.digest)
    assert described["artifactType"] == SBOM
    assert f"SBOM        {registry.host}/listed@{described['digest']}" in done.stdout
    listed = pulled(registry, "listed", described)
    assert listed == sbom.write(image.MODULE.read_bytes())
    (hashed,) = json.loads(listed)["metadata"]["component"]["hashes"]
    # It is the list of the module that an agent gets.
    assert hashed["content"] == hashlib.sha256(fetcher.fetch(registry.host, "listed", built.digest)).hexdigest()
    again = run("push.py", place)
    assert again.stdout == done.stdout and referrers(registry, "listed", built.digest) == [described]


def test_what_others_put_there_stays(built: Layout, registry: Registry) -> None:  # noqa: F811
    place = Place.parse(f"{registry.host}/signed:1")
    push(built, place)
    push_referrers(built, place)
    (listed,) = referrers(registry, "signed", built.digest)
    other = Layout(built.directory.with_name("other-image"))
    image.write(image.MODULE.read_bytes(), other.directory, image.annotations())
    other.refer("application/vnd.example.signature", b"signature", "signature")
    assert other.digest == built.digest
    push_referrers(other, place)
    push_referrers(built, place)
    found = referrers(registry, "signed", built.digest)
    assert [one["artifactType"] for one in found] == [other.described[1]["artifactType"], SBOM] and listed in found


def test_the_image_is_the_same_without_it(built: Layout, tmp_path: object) -> None:  # noqa: F811
    bare = image.write(image.MODULE.read_bytes(), tmp_path / "image", image.annotations())
    assert bare.digest == built.digest and len(bare.described) == 1 and len(built.described) == 2
    subject = json.loads(built.blob(built.described[1]["digest"]))["subject"]
    assert subject == {key: built.described[0][key] for key in subject} and subject["digest"] == built.digest


def test_a_registry_that_knows_referrers_gets_no_list(built: Layout, tmp_path: object) -> None:  # noqa: F811
    from test_image import credentials_of

    with with_tokens(tmp_path) as (registry, kept):
        known = credentials_of("docker login", registry.host, tmp_path)
        done = run("push.py", f"https://{registry.host}/team/pinhole:1", **trusting(registry, **known))
    assert done.returncode == 0, done.stderr
    assert built.described[1]["digest"] in kept and built.digest.replace(":", "-") not in kept


def test_a_list_is_of_one_module(built: Layout) -> None:  # noqa: F811
    assert sbom.write(image.MODULE.read_bytes() + b"\0") != sbom.write(image.MODULE.read_bytes())
    with pytest.raises(sbom.SbomError, match="is not on PATH"):
        sbom._said("no-such-cargo")
