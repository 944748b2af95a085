//! A target as libFuzzer runs it: the one that has this binary's name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pinhole_fuzz::run(env!("CARGO_BIN_NAME"), data));
