"""One run's Envoy configuration: envoy/envoy.yaml itself, or a variant of it, with other ports or another policy.

This is the only file that knows how these are written. It edits the text and never re-serializes it, so
that what the tests run is what operators read. Whatever it expects and does not find is an error.
"""

import json
import os
import re
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
ENVOY_YAML = ROOT / "envoy" / "envoy.yaml"

# What a variant of envoy.yaml adds to it stands between these two lines.
ADDITION = re.compile(r"^ *# ---- only in this file\n(?:.*\n)*? *# ---- end\n", re.MULTILINE)
# A variant that has no gate says so where envoy.yaml has that listener.
GATE = re.compile(r"^  # ---- gate: .*\n(?:.*\n)*?(?=  clusters:\n)", re.MULTILINE)
NO_GATE = "  # ---- no gate in this file\n\n"
# Where the edge's routes are.
EDGE_ROUTES = re.compile(
    r"^  - name: edge\n(?:.*\n)*?          route_config:\n(?P<limits>)(?:.*\n)*?              routes:\n(?P<routes>)",
    re.MULTILINE,
)


class BootstrapError(Exception):
    """envoy.yaml does not look as this file expects."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all held until the last is known: no two are the same."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in held]
    finally:
        for listener in held:
            listener.close()


@dataclass(frozen=True)
class Ports:
    """Who listens where, always on 127.0.0.1. The defaults are the numbers written in envoy.yaml."""

    edge: int = 10000
    gate: int = 10001
    admin: int = 9901
    resizer: int = 8888
    origin: int = 9000

    @classmethod
    def from_environment(cls) -> "Ports":
        """EDGE_PORT, GATE_PORT and so on where they are set, the defaults elsewhere."""
        set_ones = {
            name: os.environ[f"{name.upper()}_PORT"]
            for name in asdict(cls())
            if os.environ.get(f"{name.upper()}_PORT")
        }
        for name, value in set_ones.items():
            if not (value.isdecimal() and 0 < int(value) < 65536):
                raise BootstrapError(f"{name.upper()}_PORT={value} is not a port; expected 1 to 65535")
        ports = asdict(cls()) | {name: int(value) for name, value in set_ones.items()}
        if len(set(ports.values())) < len(ports):
            raise BootstrapError(
                f"two ports are the same: {', '.join(f'{n.upper()}_PORT={p}' for n, p in ports.items())}"
            )
        return cls(**ports)

    @classmethod
    def free(cls) -> "Ports":
        """Five ports that nobody listens on now."""
        return cls(*free_ports(len(asdict(cls()))))


def render(ports: Ports = Ports(), policy: str | None = None, text: str | None = None) -> str:
    """envoy.yaml's text with these ports and, if one is given, this policy instead of its own."""
    text = ENVOY_YAML.read_text() if text is None else text
    if policy is not None:
        text = _with_policy(text, policy)
    return _with_ports(text, ports)


def with_page(text: str, page: Path, headers: dict[str, str]) -> str:
    """The configuration with this page at exactly `/` of the edge, for GET and HEAD. pinhole, which would refuse it, is
    not asked there; everything else stays as it was."""
    found = list(EDGE_ROUTES.finditer(text))
    if len(found) != 1:
        raise BootstrapError(f"envoy.yaml: expected one `routes:` of the listener `edge`, found {len(found)}")
    limits, routes = found[0].start("limits"), found[0].start("routes")
    added = [
        f"{{ header: {{ key: {name}, value: {json.dumps(value)} }}, append_action: OVERWRITE_IF_EXISTS_OR_ADD }}"
        for name, value in headers.items()
    ]
    route = f"""\
              - match:
                  path: "/"
                  headers: [{{ name: ":method", string_match: {{ safe_regex: {{ regex: "GET|HEAD" }} }} }}]
                direct_response: {{ status: 200, body: {{ filename: {json.dumps(str(page))} }} }}
                typed_per_filter_config:
                  pinhole: {{ "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }}
                response_headers_to_add: [{", ".join(added)}]
"""
    limit = f"            max_direct_response_body_size_bytes: {page.stat().st_size}\n"
    return text[:limits] + limit + text[limits:routes] + route + text[routes:]


def inline_policy(text: str) -> str:
    """The policy that is written in the configuration."""
    return dedent(_policy_block(text)["body"])


def common_part(text: str, has_gate: bool = True) -> str:
    """What a variant of envoy.yaml has in common with it: all but its heading, its additions and its policy;
    and the gate, for a variant without one."""
    _, _, rest = text.partition("\n\n")
    rest = rest if has_gate else GATE.sub(NO_GATE, rest)
    block = _policy_block(rest)
    return ADDITION.sub("", rest[: block.start("body")] + rest[block.end() :]).strip("\n")


def _policy_block(text: str) -> re.Match:
    # The block scalar: the line that opens it, then every line that is empty or indented deeper.
    blocks = list(
        re.finditer(r"^(?P<indent> *)value: \|\n(?P<body>(?:(?P=indent) +.*\n|\n)+)", text, re.MULTILINE)
    )
    if len(blocks) != 1:
        raise BootstrapError(f"envoy.yaml: expected one policy (`value: |`), found {len(blocks)}")
    return blocks[0]


def _with_policy(text: str, policy: str) -> str:
    block = _policy_block(text)
    # A JSON string is a YAML string, and unlike a block it holds any text, also the broken ones of the tests.
    value = f"{block['indent']}value: {json.dumps(policy, ensure_ascii=False)}\n"
    return text[: block.start()] + value + text[block.end() :]


def _with_ports(text: str, ports: Ports) -> str:
    # In one pass, so that a new number is never taken for the default of another.
    defaults = {number: name for name, number in asdict(Ports()).items()}
    wanted = asdict(ports)
    found = []

    def replace(match: re.Match) -> str:
        name = defaults.get(int(match["number"]))
        if name is None:
            raise BootstrapError(
                f"envoy.yaml: port {match['number']} is not one of {', '.join(map(str, defaults))}"
            )
        found.append(name)
        return f"port_value: {wanted[name]}"

    text = re.sub(r"\bport_value: (?P<number>\d+)", replace, text)
    for name in wanted:
        expected = 0 if name == "gate" and NO_GATE in text else 1
        if (count := found.count(name)) != expected:
            default = asdict(Ports())[name]
            raise BootstrapError(
                f"envoy.yaml: expected `port_value: {default}` ({name}) {expected} times, found {count}"
            )
    # The policy tells the resizer where the gate is. A policy that resizes nothing has no gate.
    return text.replace(f"http://127.0.0.1:{Ports().gate}", f"http://127.0.0.1:{ports.gate}")
