//! Nothing: the benchmarks are in `costs.rs` and `memory.rs`.
