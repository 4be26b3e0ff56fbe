//! Properties of joined errors, each checked on an error that is grown from bytes.
//!
//! The fuzz targets in `fuzz` hold this same code; the third, `nursery`, holds the model beside it.
//! What they find is replayed by
//! `cargo test --test it properties`: every file in `fuzz/corpus` and `fuzz/artifacts`, and with
//! `NESTLING_FUZZ_CASE=file` that one, on which every property is checked then.
//!
//! ```text
//! cargo +nightly fuzz run render new fuzz/corpus/render -- -max_total_time=120 -max_len=400
//! ```
//!
//! What reaches new code goes to the directory `new`, which must be there. The corpus is kept
//! small: of that, only what is worth a test of its own belongs to it.
//!
//! [`grow`] tells how to read the bytes, and how to write some by hand.

pub(crate) mod algebra;
pub(crate) mod fault;
pub(crate) mod grow;
pub(crate) mod model;
pub(crate) mod plan;
pub(crate) mod render;
#[cfg(test)]
mod replay;
pub(crate) mod shown;
pub(crate) mod words;
