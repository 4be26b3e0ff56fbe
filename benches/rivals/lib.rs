//! What the three benchmarks share: the ways to run children, what is done with them, and the
//! tables. The benchmarks are in `costs.rs`, `memory.rs` and `behaviour.rs`.

pub mod bounded;
mod machine;
pub mod measure;
pub mod programs;
pub mod report;
pub mod ways;
pub mod work;
pub mod works;
