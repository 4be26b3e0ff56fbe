//! What a child costs, beside rivals that do the same work with less: one table.
//!
//! `cargo bench --bench nursery` takes turns between a nursery and its rival. It prints the medians
//! of one run, ours divided by the rival's, and the bar that the ratio has to keep to. "Boxed"
//! rivals hold boxed futures, as a nursery does. "Woken singly" means: one child is woken, the set
//! is polled until it rests, then the next. A word after `--` picks the rows that have it in their
//! work, and `-- --test` runs each once, with few children.
//!
//! The figures are those of a program that is built with `--release` and no more. For one that is
//! optimized as a whole, set `CARGO_PROFILE_BENCH_LTO=fat` and
//! `CARGO_PROFILE_BENCH_CODEGEN_UNITS=1`.

mod by_itself;
mod by_size;
mod children;
mod latency;
mod parking;
#[path = "../shared/rest.rs"]
mod rest;
mod sets;
mod stack;
mod stopping;
#[path = "../shared/table.rs"]
mod table;
#[path = "../shared/turns.rs"]
mod turns;

use std::process::{Command, exit};

use table::Table;
use turns::Turns;

fn main() {
    let table = Table::from_args();
    let turns = Turns { test: table.test };
    by_size::rows(&table, &turns);
    by_itself::rows(&table, &turns);
    latency::rows(&table);
    stopping::row(&table);
    stack::row(&table);
    memory();
}

/// The rows that are counted, by the program that has the allocator for it.
fn memory() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["bench", "--quiet", "--bench", "nursery_memory", "--"]);
    cargo.args(std::env::args().skip(1).filter(|arg| arg != "--bench"));
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    if !status.expect("cargo is where it was").success() {
        exit(1);
    }
}
