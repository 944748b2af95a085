//! For tests only: who writes `x-test-trap` into a request, an answer or its body kills the module there.
//!
//! It shows what Envoy makes of a module that dies (`tests/live/test_vm_killed.py`), which no request can show
//! otherwise. Does not belong here: anything that a shipped module has. INVARIANT: only the feature `test-trap`
//! compiles this file, and `tests/live/test_vm_killed.py` shows that the module of `make wasm` has nothing of it.

use std::hint::black_box;
use std::time::Duration;

use super::host;
use crate::request::values;

/// What the log says of such a module whenever it starts.
pub const NOTICE: &str = "pinhole: this module has the feature `test-trap`: a request can kill it";

const HEADER: &str = "x-test-trap";
/// How long a loop lasts. Nobody ends one that does not end by itself: Envoy sets V8 no limit of time.
const BUSY: Duration = Duration::from_millis(400);
const PIECE: usize = 64 << 20;

/// Dies as these headers want it.
pub fn in_headers(headers: &[(String, Vec<u8>)]) {
    values(headers, HEADER).for_each(spring);
}

/// Dies where a body begins with the header's name.
pub fn in_body(body: &[u8]) {
    if body.starts_with(HEADER.as_bytes()) {
        spring(b"abort");
    }
}

fn spring(how: &[u8]) {
    match how {
        b"abort" => std::process::abort(),
        b"loop" => busy(),
        b"memory" => loop {
            std::mem::forget(black_box(Vec::<u8>::with_capacity(PIECE)));
        },
        b"stack" => drop(black_box(deeper(black_box(1)))),
        _ => {}
    }
}

/// Keeps the worker for a while, and lives.
fn busy() {
    let Some(start) = host::clock() else { return };
    while host::clock().and_then(|now| now.duration_since(start).ok()).is_some_and(|elapsed| elapsed < BUSY) {
    }
}

/// Has no end but that of the stack.
#[expect(unconditional_recursion, reason = "running out of stack is what this is for")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth))) ^ depth
}
