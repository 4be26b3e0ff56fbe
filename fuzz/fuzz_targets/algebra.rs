#![no_main]

use libfuzzer_sys::fuzz_target;

// The tests' own. They hold what other targets check, too.
#[allow(dead_code)]
#[path = "../../tests/it/properties/mod.rs"]
mod properties;

fuzz_target!(|data: &[u8]| properties::algebra::check(data));
