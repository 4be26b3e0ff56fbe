//! Nothing: the benchmark is in `costs.rs`.
