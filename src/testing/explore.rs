//! Many seeds, one test.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The environment variable that names the one seed to try.
const SEED: &str = "NESTLING_SEED";

/// Calls `test` with each seed.
///
/// If a call panics, the seed is printed together with how to run it alone: with `NESTLING_SEED`
/// set to it, this seed is tried and no other.
///
/// # Panics
///
/// With the first panic of `test`; and if `NESTLING_SEED` is no number.
pub fn explore(seeds: impl IntoIterator<Item = u64>, mut test: impl FnMut(u64)) {
    if let Some(seed) = env::var_os(SEED) {
        match seed.to_str().and_then(|seed| seed.parse().ok()) {
            Some(seed) => return test(seed),
            None => panic!("{SEED} is to be a number from 0 to {}, and is {seed:?}", u64::MAX),
        }
    }
    for seed in seeds {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            eprintln!("nestling::testing: seed {seed} fails; {SEED}={seed} runs it alone");
            resume_unwind(payload);
        }
    }
}
