"""The policies that are measured: the shipped one with what it lacks for a variant, and those made for the curves."""

import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from paths import ROOT

import keys
import resizers

# What the demo's policy has no need for: a key that signs URLs, and one for a store that speaks like S3.
SIGNING_KEY, STORE_ID, STORE_SECRET = "SIGNING_KEY", "STORE_ID", "STORE_SECRET"
SOURCES = [f"2026/{number % 12 + 1:02}/a-walk-along-the-coast-{number:03}.jpg" for number in range(64)]


def fresh_secrets() -> dict[str, str]:
    """Values for every variable that a policy here may name."""
    ours = {
        SIGNING_KEY: secrets.token_hex(32),
        STORE_ID: "AKIA" + secrets.token_hex(8).upper(),
        STORE_SECRET: secrets.token_urlsafe(30),
    }
    return keys.fresh() | ours


def shipped() -> dict[str, Any]:
    """The policy of envoy.yaml."""
    return json.loads((ROOT / "envoy" / "policy.json").read_text())


def full(resizer: str = "thumbor", resizer_cluster: str = "small", origin_cluster: str = "small") -> dict[str, Any]:
    """The shipped policy and two routes more, for Cloudflare's form of URLs and for signed ones."""
    policy = shipped()
    policy["routes"] += [
        {
            "path": "/cdn-cgi/image/(?<options>[^/]+)/(?<source>.+)",
            "origin": "photos",
            "query": {"width": {"max": 1600}, "quality": {"min": 40, "max": 90}, "format": {}},
        },
        {
            "path": "/members/(?<source>.+)",
            "origin": "photos",
            "query": {"width": {"max": 1000}},
            "default": {"width": 600},
            "signature": {"keys": ["k1"], "max_life": 604800},
        },
    ]
    policy["signing"] = {"keys": {"k1": {"env": SIGNING_KEY}}}
    policy["origins"]["photos"]["cluster"] = origin_cluster
    return _through(policy, resizer, resizer_cluster)


def with_store(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy, with an origin whose requests are signed with AWS Signature Version 4."""
    copy = json.loads(json.dumps(policy))
    copy["origins"]["photos"]["credentials"] = {
        "aws": {
            "access_key_id": {"env": STORE_ID},
            "secret_access_key": {"env": STORE_SECRET},
            "region": "eu-central-1",
        }
    }
    return copy


def with_presets(count: int) -> dict[str, Any]:
    """The preset route alone, with so many presets. The three that are asked for are spread among the others."""
    policy = shipped()
    others = [f"preset-{number:05}" for number in range(count - 3)]
    presets = {name: {"width": 16 + number % 1600, "quality": 80} for number, name in enumerate(others)}
    policy["presets"] = dict(sorted((policy["presets"] | presets).items()))
    policy["routes"] = policy["routes"][:1]
    return _through(policy, "thumbor", "small")


def with_routes(count: int, first: bool) -> dict[str, Any]:
    """So many preset routes with different beginnings; the one that is asked for is the first or the last."""
    policy = shipped()
    others = [
        {"path": f"/site-{number:04}/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos"} for number in range(count - 1)
    ]
    asked = policy["routes"][:1]
    policy["routes"] = asked + others if first else others + asked
    return _through(policy, "thumbor", "small")


def _through(policy: dict[str, Any], resizer: str, cluster: str) -> dict[str, Any]:
    section = resizers.section(resizer)
    section[resizer]["cluster"] = cluster
    return policy | {"resizer": section}


def signer() -> Callable[..., str]:
    """The function that envoy/signed-urls.md gives to users, as it stands there."""
    page = (ROOT / "envoy" / "signed-urls.md").read_text()
    names: dict[str, Any] = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], names)
    return names["sign"]


def signed_paths(secrets_: dict[str, str], host: str) -> list[str]:
    """Signed URLs of every source, good for a day."""
    sign, key, end = signer(), bytes.fromhex(secrets_[SIGNING_KEY]), int(time.time()) + 86400
    return [sign(key, host, f"/members/{source}", {"width": "300"}, end, "k1") for source in SOURCES]
