"""Envoy's configuration for a bench: one listener for each thing that is compared, and the fast upstream's clusters.

Every listener has the settings that envoy/envoy.yaml has for the edge, so that a difference between two of them is
the filter and nothing else. What is left out: access logs, which would measure the disk, and limits of time.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TYPE = "type.googleapis.com/envoy.extensions."


def typed(kind: str, **fields: Any) -> dict:
    """A `typed_config` of Envoy's extension of that kind."""
    return {"@type": _TYPE + kind, **fields}


@dataclass(frozen=True)
class Listener:
    """A port of Envoy. `route` is what it does by itself, `filters` what stands before that."""

    port: int
    route: list[dict]
    filters: list[dict] = field(default_factory=list)


def to_cluster(name: str) -> list[dict]:
    """Everything to one cluster."""
    return [{"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "60s"}}]


# As in envoy.yaml: the filter writes the name of the cluster.
BY_HEADER = [
    {
        "match": {"prefix": "/"},
        "route": {"cluster_header": "x-pinhole-cluster", "timeout": "60s"},
        "request_headers_to_remove": ["x-pinhole-cluster"],
    }
]


def wasm(module: Path, root_id: str, policy: str, variables: list[str], vm_id: str) -> dict:
    """A module as a filter; the same `vm_id` and module are the same VM, as edge and gate are in envoy.yaml."""
    config = {
        "name": vm_id + root_id,
        "root_id": root_id,
        "failure_policy": "FAIL_CLOSED",
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": policy},
        "vm_config": {
            "vm_id": vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(module)}},
            "environment_variables": {"host_env_keys": variables},
        },
    }
    return {"name": "wasm", "typed_config": typed("filters.http.wasm.v3.Wasm", config=config)}


def lua(script: Path) -> dict:
    """A Lua script as a filter."""
    code = {"inline_string": script.read_text()}
    return {"name": "lua", "typed_config": typed("filters.http.lua.v3.Lua", default_source_code=code)}


def bootstrap(listeners: list[Listener], clusters: dict[str, int]) -> dict:
    """All of it; `clusters` are ports of 127.0.0.1 by name."""
    return {
        "stats_flush_interval": "299s",  # the longest; there is no sink, and a flush in one round only would be seen
        "static_resources": {
            "listeners": [_listener(listener) for listener in listeners],
            "clusters": [_cluster(name, port) for name, port in clusters.items()],
        },
    }


def _address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _listener(listener: Listener) -> dict:
    router = typed("filters.http.router.v3.Router", suppress_envoy_headers=True)
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=f"port_{listener.port}",
        use_remote_address=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        max_request_headers_kb=64,
        common_http_protocol_options={"headers_with_underscores_action": "REJECT_REQUEST", "idle_timeout": "3600s"},
        http2_protocol_options={
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        request_headers_timeout="5s",
        request_timeout="10s",
        stream_idle_timeout="60s",
        route_config={"virtual_hosts": [{"name": "everything", "domains": ["*"], "routes": listener.route}]},
        http_filters=[*listener.filters, {"name": "router", "typed_config": router}],
    )
    return {
        "name": f"port_{listener.port}",
        "address": _address(listener.port),
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 65536,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _cluster(name: str, port: int) -> dict:
    most = 1_000_000
    limits = {"max_connections": most, "max_requests": most, "max_pending_requests": most, "max_retries": most}
    return {
        "name": name,
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
        },
    }
