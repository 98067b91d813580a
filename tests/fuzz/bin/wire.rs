#![no_main]

#[path = "../targets/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each fuzzer calls one of them")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::wire(data));
