//! Host calls, in the form that no request can make panic.
//!
//! The SDK's convenient getters panic on bytes that are not UTF-8, so none is used. Its wrappers panic on statuses they do
//! not expect, which Envoy gives only where it withholds a function: such a trap denies (`tests/host`), and takes down
//! every request of the worker. Belongs here: each host call that
//! pinhole makes, as bytes and with its error as a value. Does not belong here: any decision.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType, Status};

use crate::reply::LocalReply;

/// All request headers, pseudo-headers among them.
pub fn request_headers() -> Option<Vec<(String, Vec<u8>)>> {
    hostcalls::get_map_bytes(MapType::HttpRequestHeaders).ok()
}

/// All response headers, `:status` among them.
pub fn response_headers() -> Option<Vec<(String, Vec<u8>)>> {
    hostcalls::get_map_bytes(MapType::HttpResponseHeaders).ok()
}

/// Replaces all request headers.
pub fn replace_request_headers(headers: Vec<(&str, &[u8])>) -> Result<(), Status> {
    hostcalls::set_map_bytes(MapType::HttpRequestHeaders, headers)
}

/// Gives access logs a path in the place of the visitor's own, for a request that goes nowhere.
pub fn log_path(path: &str) {
    let _ = hostcalls::set_map_value_bytes(
        MapType::HttpRequestHeaders,
        "x-envoy-original-path",
        Some(path.as_bytes()),
    );
}

/// Replaces all response headers.
pub fn replace_response_headers(headers: Vec<(&str, &[u8])>) -> Result<(), Status> {
    hostcalls::set_map_bytes(MapType::HttpResponseHeaders, headers)
}

/// A piece of the response's body.
#[cfg(feature = "test-trap")]
pub fn response_body(size: usize) -> Vec<u8> {
    hostcalls::get_buffer(BufferType::HttpResponseBody, 0, size).ok().flatten().unwrap_or_default()
}

/// Drops a piece of the response's body.
pub fn drop_response_body(size: usize) {
    // Without effect where the host refuses; the piece then belongs to a method that has no body.
    let _ = hostcalls::set_buffer(BufferType::HttpResponseBody, 0, size, b"");
}

/// Drops the response's trailers.
pub fn drop_response_trailers() {
    let _ = hostcalls::set_map_bytes(MapType::HttpResponseTrailers, Vec::new());
}

/// Answers by ourselves, whether the request or the response is under way.
pub fn reply(reply: &LocalReply) -> Result<(), Status> {
    let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    hostcalls::send_http_response(u32::from(reply.status), headers, Some(&reply.body))
}

/// Asks a cluster; its answer comes to the exchange that asked. The limit holds for the whole of it. Envoy asks
/// again where the upstream has certainly not begun, as a connection that it kept may have been closed meanwhile.
pub fn call(
    cluster: &str,
    mut headers: Vec<(&str, &str)>,
    body: Option<&[u8]>,
    limit: Duration,
) -> Result<(), Status> {
    // Read by Envoy's router, which takes them out. Of a visitor's own, none is in any call.
    headers.push(("x-envoy-retry-on", "connect-failure,refused-stream,reset-before-request"));
    headers.push(("x-envoy-max-retries", "2"));
    hostcalls::dispatch_http_call(cluster, headers, body, Vec::new(), limit).map(|_| ())
}

/// The headers of the answer that came, `:status` among them. To be asked only where there are some: the
/// wrapper panics without.
pub fn answer_headers() -> Vec<(String, Vec<u8>)> {
    hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default()
}

/// The body of the answer that came, of so many bytes, or nothing of it.
pub fn answer_body(length: usize) -> Option<Vec<u8>> {
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, length).ok().flatten()?;
    (body.len() == length).then_some(body)
}

/// The document of the plugin's `configuration`, empty where there is none.
pub fn configuration(size: usize) -> Vec<u8> {
    hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size).ok().flatten().unwrap_or_default()
}

/// The plugin's `root_id`.
pub fn root_id() -> Option<String> {
    let id = hostcalls::get_property(vec!["plugin_root_id"]).ok()??;
    String::from_utf8(id).ok()
}

/// The time.
pub fn clock() -> Option<SystemTime> {
    hostcalls::get_current_time().ok()
}

/// The time in seconds since 1970.
pub fn now() -> Option<u64> {
    clock()?.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Notes something for the other exchanges of this Envoy's plugins that share a VM.
pub fn note(key: &str, value: &[u8]) {
    // Without it the other side finds nothing, and does what is safe then.
    let _ = hostcalls::set_shared_data(key, Some(value), None);
}

/// What was noted under a key.
pub fn noted(key: &str) -> Option<Vec<u8>> {
    hostcalls::get_shared_data(key).ok()?.0
}

thread_local! {
    /// What this instance of the module has defined. Envoy keeps every number that it gives out until the virtual
    /// machine ends, and a policy after another may be loaded into the same one.
    static DEFINED: RefCell<Vec<(String, u32)>> = const { RefCell::new(Vec::new()) };
}

/// A metric of this name; the same one, under the same number, where there is one already.
pub fn define(kind: MetricType, name: &str) -> Option<u32> {
    DEFINED.with(|defined| {
        let mut defined = defined.try_borrow_mut().ok()?;
        if let Some((_, metric)) = defined.iter().find(|(other, _)| other == name) {
            return Some(*metric);
        }
        let metric = hostcalls::define_metric(kind, name).ok()?;
        defined.push((name.to_owned(), metric));
        Some(metric)
    })
}

/// Counts one more.
pub fn count(counter: u32) {
    // Without effect where the host refuses: a number is not worth a request.
    let _ = hostcalls::increment_metric(counter, 1);
}

/// Sets a gauge, or adds to a histogram.
pub fn record(metric: u32, value: u64) {
    let _ = hostcalls::record_metric(metric, value);
}

/// Tells access logs and traces a word about the request under way: `%FILTER_STATE(wasm.name:PLAIN)%`. To be called in
/// callbacks of a request only: the wrapper panics where there is none.
pub fn tell(name: &str, word: &str) {
    let _ = hostcalls::set_property(vec![name], Some(word.as_bytes()));
}
