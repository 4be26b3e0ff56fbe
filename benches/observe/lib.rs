//! Nothing: the benchmark is in `main.rs`.
