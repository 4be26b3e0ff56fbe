//! Nothing: the benchmarks are in `costs.rs`, `memory.rs` and `behaviour.rs`.
