//! With `FAULT=lost-wake` or `FAULT=double-drop` in the environment, the fuzzer finds it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nestling_downstream::Fault;

#[path = "../script.rs"]
mod script;

fuzz_target!(|data: &[u8]| {
    let fault = match std::env::var("FAULT").as_deref() {
        Err(_) => Fault::None,
        Ok("lost-wake") => Fault::LostWake,
        Ok("double-drop") => Fault::DoubleDrop,
        Ok(other) => panic!("there is no fault {other}"),
    };
    script::check(data, fault);
});
