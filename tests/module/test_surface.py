"""The built module asks Envoy for nothing that is not listed, says nothing of its builder, and every shipped
configuration allows what it needs and no more. No Envoy is asked."""

from pathlib import Path

import pytest
import wasmtime

import reading
import surface
from reading import HOSTS, ROOT

ENVOY = ROOT / "envoy"
SHIPPED = sorted(path for path in ENVOY.rglob("*.yaml") if f'"@type": {reading.WASM}' in path.read_text())
NAMES = {str(path.relative_to(ENVOY)) for path in SHIPPED}


def unlike(found: set[str], listed: set[str]) -> str:
    """What is wrong between a list and what was found, or nothing."""
    more, fewer = sorted(found - listed), sorted(listed - found)
    wrong = [f"not listed: {', '.join(more)}"] if more else []
    return "; ".join(wrong + ([f"not there: {', '.join(fewer)}"] if fewer else []))


def of(text: str) -> bytes:
    """A small module with one more of something."""
    return wasmtime.wat2wasm(f"(module {text})")


# ---- the module


def test_it_imports_what_is_listed() -> None:
    found = reading.imports(reading.module())
    assert set(found.values()) <= set(HOSTS)
    assert not (wrong := unlike(set(found), surface.IMPORTS)), wrong


def test_an_import_more_is_seen() -> None:
    more = 'env" "proxy_get_log_level'
    found = reading.imports(of(f'(import "{more}" (func (param i32) (result i32)))'))
    assert unlike(set(found) | surface.IMPORTS, surface.IMPORTS) == "not listed: proxy_get_log_level"
    assert unlike(surface.IMPORTS - {"proxy_log"}, surface.IMPORTS) == "not there: proxy_log"


def test_it_exports_what_is_listed() -> None:
    assert not (wrong := unlike(reading.exports(reading.module()), surface.EXPORTS)), wrong


def test_only_what_is_called_may_be_called() -> None:
    unused = surface.SDK_FUNCTIONS | surface.STD_FUNCTIONS | surface.SDK_CALLBACKS | surface.FRAME
    assert not unused & {*surface.ALLOWED, *surface.PUSH}


def test_host_rs_calls_nothing_else() -> None:
    """Each function that is listed for pinhole is called in the one file that may make host calls, or by the SDK."""
    text = (ROOT / "src" / "filter" / "host.rs").read_text()
    calls = {
        "get_map_bytes": "proxy_get_header_map_pairs", "set_map_bytes": "proxy_set_header_map_pairs",
        "set_map_value_bytes": "proxy_replace_header_map_value", "get_buffer": "proxy_get_buffer_bytes",
        "set_buffer": "proxy_set_buffer_bytes", "send_http_response": "proxy_send_local_response",
        "get_property": "proxy_get_property", "set_property": "proxy_set_property",
        "get_current_time": "proxy_get_current_time_nanoseconds", "get_shared_data": "proxy_get_shared_data",
        "set_shared_data": "proxy_set_shared_data", "define_metric": "proxy_define_metric",
        "increment_metric": "proxy_increment_metric", "record_metric": "proxy_record_metric",
        "dispatch_http_call": "proxy_http_call",
    }  # fmt: skip
    called = {part.split("(")[0] for part in text.split("hostcalls::")[1:]} - {""}
    assert {name.rstrip(";\n ") for name in called} - {""} == set(calls)
    others = {"proxy_log", "environ_get", "environ_sizes_get", "random_get", "proxy_set_effective_context"}
    functions = {name for name in {*surface.FUNCTIONS, *surface.PUSH} if not name.startswith("proxy_on_")}
    assert functions == set(calls.values()) | others


def test_it_names_no_place_of_its_builder() -> None:
    found = reading.places(reading.module())
    assert not found, f"{len(found)}, such as {found[:3]}; .make/wasm maps them away"


@pytest.mark.parametrize(
    "path",
    ["/home/me/.cargo/registry/src/index-1/http-1.5.0/src/uri.rs", "/root/pinhole/src/lib.rs", "/Users/me/x.rs",
     "C:\\Users\\me\\x.rs", "/usr/local/rustup/toolchains/stable/lib/x.rs", f"{ROOT}/src/lib.rs"],
)  # fmt: skip
def test_a_place_of_its_builder_is_seen(path: str) -> None:
    text = path.replace("\\", "\\\\")
    assert reading.places(of(f'(memory 1) (data (i32.const 0) "src/lib.rs{text}")')), path
    mapped = "src/lib.rs/rustc/59807616/library/core/src/str.rscrates/http-1.5.0/src/uri.rs"
    assert not reading.places(of(f'(memory 1) (data (i32.const 0) "{mapped}")'))


# ---- what is shipped


def test_every_configuration_is_known() -> None:
    assert NAMES == {
        "envoy.yaml", "envoy-aws-signing.yaml", "envoy-cache.yaml", "envoy-credential-injector.yaml", "envoy-push.yaml",
        "filter-edge.yaml", "filter-gate.yaml", "compose/edge.yaml", "compose/gate.yaml",
    }  # fmt: skip


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ENVOY)))
def test_it_allows_what_is_needed(path: Path) -> None:
    wanted = surface.ALLOWED | ({*surface.PUSH} if path.name == "envoy-push.yaml" else set())
    found = list(reading.plugins(path))
    for plugin in found:
        allowed = plugin["capability_restriction_config"]["allowed_capabilities"]
        assert not (wrong := unlike(set(allowed), wanted)), wrong
        # Of the two of one VM, the list that Envoy reads first would count.
        assert plugin["capability_restriction_config"] == found[0]["capability_restriction_config"]
    assert found
