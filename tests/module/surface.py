"""All that the module imports and exports, each with the reason why it is there: the module's surface.

`test_surface.py` holds the built module and every shipped configuration against these tables,
`live/test_capabilities.py` takes away one at a time. What does not belong here: how a module is read (`reading.py`).
"""

# What Envoy calls. A callback that it is not allowed to make is not made, and nothing refuses in its place.
CALLBACKS = {
    "proxy_on_context_create": "each request has a context of its own",
    "proxy_on_configure": "reads the policy, and refuses it",
    "proxy_on_request_headers": "decides",
    "proxy_on_response_headers": "judges the upstream's answer",
    "proxy_on_response_body": "drops the body that an answer to HEAD must not have",
    "proxy_on_response_trailers": "drops trailers",
    "proxy_on_delete": "frees what a context held",
}

# What pinhole calls: all of src/filter/host.rs, and what the standard library needs for it.
FUNCTIONS = {
    "proxy_get_header_map_pairs": "reads requests and answers",
    "proxy_set_header_map_pairs": "replaces all headers by pinhole's own",
    "proxy_replace_header_map_value": "keeps signatures of refused URLs out of the access log",
    "proxy_get_buffer_bytes": "reads the policy, and pushed sources",
    "proxy_set_buffer_bytes": "drops the body of an answer to HEAD",
    "proxy_send_local_response": "refuses",
    "proxy_get_property": "tells whether this is the edge or the gate",
    "proxy_set_property": "tells access logs what was decided",
    "proxy_get_current_time_nanoseconds": "ends signed URLs; dates signatures for origins",
    "proxy_get_shared_data": "the edge reads whether a source is private",
    "proxy_set_shared_data": "the gate notes whether a source is private",
    "proxy_define_metric": "names metrics",
    "proxy_increment_metric": "counts",
    "proxy_record_metric": "says how large the policy is, and how long pushed pictures take",
    "proxy_log": "says what is wrong with a policy",
    "environ_get": "reads the secrets of `host_env_keys`",
    "environ_sizes_get": "reads the secrets of `host_env_keys`",
    "random_get": "seeds the hash tables of the standard library; no key or nonce comes from it",
}

# Only where sources are pushed: envoy-push.yaml.
PUSH = {
    "proxy_http_call": "fetches the source, posts it",
    "proxy_on_http_call_response": "gets the answers",
    "proxy_set_effective_context": "the SDK's way from an answer to the request that waits for it",
}

# The SDK's traits have these as methods, so they are linked whether called or not. pinhole calls none of them.
SDK_FUNCTIONS = {
    "proxy_add_header_map_value", "proxy_get_header_map_value", "proxy_remove_header_map_value",
    "proxy_call_foreign_function", "proxy_close_stream", "proxy_continue_stream", "proxy_done", "proxy_get_status",
    "proxy_dequeue_shared_queue", "proxy_enqueue_shared_queue", "proxy_register_shared_queue",
    "proxy_resolve_shared_queue", "proxy_set_tick_period_milliseconds",
    "proxy_grpc_call", "proxy_grpc_cancel", "proxy_grpc_close", "proxy_grpc_send", "proxy_grpc_stream",
}  # fmt: skip
# The standard library's, for a panic: its text goes to the log before that, and it ends in a trap with or without them.
STD_FUNCTIONS = {"fd_write", "proc_exit"}

# What the SDK exports whether there is anything behind it or not.
SDK_CALLBACKS = {
    "proxy_on_done", "proxy_on_log", "proxy_on_vm_start", "proxy_on_tick", "proxy_on_queue_ready",
    "proxy_on_request_body", "proxy_on_request_trailers", "proxy_on_foreign_function",
    "proxy_on_new_connection", "proxy_on_downstream_connection_close", "proxy_on_downstream_data",
    "proxy_on_upstream_connection_close", "proxy_on_upstream_data",
    "proxy_on_grpc_close", "proxy_on_grpc_receive", "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive_trailing_metadata",
}  # fmt: skip
# What Envoy needs of any module; no list of capabilities has them.
FRAME = {"memory", "_initialize", "proxy_abi_version_0_2_1", "proxy_on_memory_allocate"}

ALLOWED = {*CALLBACKS, *FUNCTIONS}
IMPORTS = {*FUNCTIONS, *SDK_FUNCTIONS, *STD_FUNCTIONS} | {name for name in PUSH if not name.startswith("proxy_on_")}
EXPORTS = {*CALLBACKS, *SDK_CALLBACKS, *FRAME} | {name for name in PUSH if name.startswith("proxy_on_")}
