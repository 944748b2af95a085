"""Istio's own code (`tests/agent`) fetches our image, and a real Envoy runs what it makes of istiod's filter.

`make test-agent`. Where Go is not, or Istio cannot be built, all of it is skipped; `test_image.py` stands in for it.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

import contract
import ecds
import image
import keys
import push
import wire
from conftest import RESIZER, policy_of, policy_text
from layouts import FORMS, MODULE, Form
from programs import ProgramError, installed
from registries import REGISTRIES, Registry
from stack import Stack
from waiting import until
from wire import request

TYPES = "type.googleapis.com/"
RBAC = f"{ecds.TYPES}rbac.v3.RBAC"
TYPED = f"{TYPES}envoy.config.core.v3.TypedExtensionConfig"
PATH, CACHE = "/images/small/landscape.jpg", "public, max-age=3600"


class Istio(NamedTuple):
    """An agent, and the registry that it asks."""

    program: str
    registry: Registry
    cache: Path

    def push(self, layout: image.Layout, repository: str) -> str:
        """An image's URL as it stands in a TrafficExtension, pinned by its digest."""
        push.push(layout, push.Place.parse(f"{self.registry.host}/{repository}"))
        return f"oci://{self.registry.host}/{repository}@{layout.digest}"

    def converted(self, *filters: dict) -> list[dict]:
        """What Envoy is given in the place of these filters."""
        self.cache.mkdir(exist_ok=True)
        asked = json.dumps({"resources": filters})
        command = [self.program, f"-cache={self.cache}"]
        done = subprocess.run(command, input=asked, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["resources"]

    def module(self, url: str, digest: str) -> bytes:
        """What the agent lays before Envoy as the module."""
        (got,) = self.converted(sent(url, digest))
        config = got["typedConfig"]
        assert config["@type"] == ecds.WASM, f"the agent refuses {url}: {got}"
        return Path(config["config"]["vmConfig"]["code"]["local"]["filename"]).read_bytes()


def sent(url: str, digest: str, role: str = "edge", policy: dict | None = None, failure: str = "FAIL_CLOSED") -> dict:
    """A filter as istiod sends it: the order of keys is lost, and variables for the agent are among the module's."""
    configuration = {"@type": f"{TYPES}google.protobuf.StringValue", "value": json.dumps(policy or {}, sort_keys=True)}
    remote = {"httpUri": {"uri": url, "cluster": "_", "timeout": "30s"}, "sha256": digest.removeprefix("sha256:")}
    environment = {
        "hostEnvKeys": list(keys.NAMES),
        "keyValues": {"ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION": "1"},
    }
    vm = {"runtime": "envoy.wasm.runtime.v8", "code": {"remote": remote}, "environmentVariables": environment}
    name = f"pinhole_{role}"
    config = {"name": name, "rootId": role, "configuration": configuration, "vmConfig": vm, "failurePolicy": failure}
    return {"@type": TYPED, "name": name, "typedConfig": {"@type": ecds.WASM, "config": config}}


@pytest.fixture(scope="module")
def istio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Istio]:
    with ExitStack() as exits:
        try:
            program = installed("agent")
            registry = exits.enter_context(REGISTRIES["ggcr"]())
        except ProgramError as error:
            pytest.skip(str(error))
        yield Istio(program, registry, tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def ours(istio: Istio) -> tuple[str, str]:
    """Our image: its URL and its digest."""
    layout = image.write(image.MODULE.read_bytes(), image.LAYOUT, image.annotations())
    return istio.push(layout, "pinhole"), layout.digest


def test_istio_gets_our_module(istio: Istio, ours: tuple[str, str]) -> None:
    assert istio.module(*ours) == image.MODULE.read_bytes()


def test_istio_checks_the_digest(istio: Istio, ours: tuple[str, str]) -> None:
    url, digest = ours
    tagged = url.split("@")[0]
    assert istio.module(f"{tagged}:latest", digest) == image.MODULE.read_bytes()
    (got,) = istio.converted(sent(f"{tagged}:latest", "sha256:" + "0" * 64))
    assert got["typedConfig"] == {"@type": RBAC, "rules": {}, "rulesStatPrefix": "wasm-default-deny"}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_istio_takes_and_refuses_what_the_fetcher_does(form: Form, istio: Istio, tmp_path: Path) -> None:
    layout = form.write(tmp_path)
    url = istio.push(layout, f"forms/{FORMS.index(form)}")
    if form.taken:
        assert istio.module(url, layout.digest) == MODULE
    else:
        (got,) = istio.converted(sent(url, layout.digest))
        assert got["typedConfig"]["@type"] == RBAC, f"the agent takes it: {got}"


def test_fail_open_lets_everybody_in(istio: Istio) -> None:
    """Why the manifests say FAIL_CLOSE: without the module, this is what stands in its place."""
    absent = f"oci://{istio.registry.host}/absent:1"
    shut, open_to_all = istio.converted(sent(absent, ""), sent(absent, "", failure="FAIL_OPEN"))
    assert shut["typedConfig"] == {"@type": RBAC, "rules": {}, "rulesStatPrefix": "wasm-default-deny"}
    assert open_to_all["typedConfig"] == {"@type": RBAC, "rulesStatPrefix": "wasm-default-allow"}


def test_envoy_runs_what_the_agent_gives_it(istio: Istio, ours: tuple[str, str]) -> None:
    """From the image in the registry to a picture. A version that is not in the registry shuts the listener."""
    with Stack(policy_text("policies/basic.json"), RESIZER, from_files=True) as stack:
        policy = policy_of("policies/basic.json", RESIZER)
        policy["gate"]["url"] = stack.gate_url
        policy["presets"]["small"]["width"] = 200

        def deliver(role: str, url: str, digest: str) -> None:
            got = istio.converted(sent(url, digest, role, policy))
            ecds.replace(stack.filter_files[role], json.dumps({"resources": got}))

        def ask() -> wire.Answer:
            return wire.ask(stack.ports.edge, request(PATH))

        def is_small() -> bool:
            answer = ask()
            if answer.status != 200 or "no-store" in answer.one("cache-control"):
                return False  # while they have not both arrived, the edge does not hear what the gate notes
            return contract.check_served(answer, stack, CACHE, None, "image/jpeg") == (200, 150)

        for role in reversed(ecds.ROLES):
            deliver(role, *ours)
        until(is_small, "a picture by the new policy")
        deliver("edge", f"oci://{istio.registry.host}/pinhole:absent", "")
        until(lambda: ask().status == 403, "nobody gets in")
        assert ask().body == b"RBAC: access denied"
        deliver("edge", *ours)
        until(is_small, "the picture again")
