#![no_main]

use libfuzzer_sys::fuzz_target;

// The tests' own. They hold what another target checks, too.
#[allow(dead_code, unused_imports)]
#[path = "../../tests/it/model/mod.rs"]
mod model;

fuzz_target!(|data: &[u8]| model::pool::check_bytes(data));
