//! What supervised children take of memory while they are idle: children of this crate's supervisors,
//! and of others.
//!
//! A ratio is that of the first row to the row that it stands in.

#[expect(dead_code, reason = "`costs.rs` takes turns")]
mod table;
#[allow(dead_code, unused_imports, reason = "`costs.rs` restarts children in more ways")]
mod ways;
#[expect(dead_code, reason = "`costs.rs` restarts children")]
mod work;

use allocation_counter::measure;
use table::Table;
use ways::{BY_BLOCK_ON, OURS, RACTOR_SUPERVISOR, TASK_SUPERVISOR, TASKVISOR, WITH_GRACE};
use work::{Way, Work};

const NOTES: &str = "
Each figure is for one child. Its name of 12 bytes counts, and so does its task where tokio has one for
it. [a], [b] and [c] are as in the other table; [c] has 10,000 children.";

fn main() {
    let table = Table::from_args();
    let columns = ["bytes kept", "bytes at most", "allocations kept", "allocations made"];
    table.part("a child, of 100,000 idle ones", &columns, || {
        let ways = [OURS, BY_BLOCK_ON, WITH_GRACE, TASKVISOR, RACTOR_SUPERVISOR, TASK_SUPERVISOR];
        ways.iter().map(|way| (way.name, kept(way, &table))).collect()
    });
    table.notes(NOTES);
}

fn kept(way: &Way, table: &Table) -> Vec<Option<f64>> {
    let children = table.size(if way.name == RACTOR_SUPERVISOR.name { 10_000 } else { 100_000 });
    // What the thread keeps for good is not the children's.
    way.start(&Work::idle(1)).stop();
    let mut running = None;
    let info = measure(|| running = Some(way.start(&Work::idle(children))));
    running.expect("it was started").stop();
    let each = |count| Some(count as f64 / children as f64);
    vec![
        each(info.bytes_current),
        each(info.bytes_max as i64),
        each(info.count_current),
        each(info.count_total as i64),
    ]
}
