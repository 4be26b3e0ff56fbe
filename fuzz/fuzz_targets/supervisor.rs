#![no_main]

use libfuzzer_sys::fuzz_target;

// The tests' own.
#[allow(dead_code)]
#[path = "../../tests/again/model/mod.rs"]
mod model;

fuzz_target!(|data: &[u8]| model::check_bytes(data));
