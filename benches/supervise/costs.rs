//! What it costs to restart children, to start and to stop them: supervisors of this crate, and of
//! others.
//!
//! `cargo bench` takes turns between them, and prints the medians of one run. A ratio is that of the
//! first row of its part to its own row.

mod table;
mod ways;
mod work;

use std::sync::Arc;
use std::time::Instant;

use table::{Row, Table};
use ways::{
    BY_BLOCK_ON, BY_DECISION, BY_INTENSITY, ONE_FOR_ALL, OURS, RACTOR_SUPERVISOR, TASK_SUPERVISOR,
    TASK_SUPERVISOR_PAUSED, TASKVISOR, WITH_GRACE,
};
use work::{Way, Work};

const NOTES: &str = "
All run in one thread, on tokio where the row does not say otherwise. Restarts are as cheap as each crate
lets them be: nothing limits them, and their delay is 0. Each child fails with an error; nestling keeps
the newest 10 of each, and the text of the last, and the others keep none.
    nestling arms a sleep for each incarnation, until it is stable. A decision has no backoff that could
    begin anew, and so no such sleep. An intensity arms a sleep for each restart, which stays.
[a] Each restart waits for a sleep of tokio's, which takes a millisecond at least. A paused clock moves on
    as soon as nothing else is to do, so that this wait is over at once.
[b] A child's own task runs its incarnations one after the other, and yields in between. The supervisor
    has no part in that. It is built without its controller.
[c] It has 10,000 idle children and not 100,000, and no row with 100,000 siblings: for each child that
    starts it looks through all. It also looks through all restarts in its window, so that is 0 here.
To stop: children of nestling are dropped, from the last to the first, each when the one after it is
gone. Those of [c] are killed, all at once. Those of [a], [b] and with a grace are told, and end by
themselves: with a grace one after the other, as before, and those of [a] and [b] all at once.";

/// How often each way has its turn.
const TURNS: usize = 9;

fn main() {
    let table = Table::from_args();
    table.part("ns to restart a child", &["alone", "1,000 siblings", "100,000 siblings"], || {
        let ways = [
            OURS,
            BY_BLOCK_ON,
            BY_DECISION,
            BY_INTENSITY,
            TASKVISOR,
            RACTOR_SUPERVISOR,
            TASK_SUPERVISOR_PAUSED,
            TASK_SUPERVISOR,
        ];
        let siblings = [0, 1_000, 100_000].map(|siblings| table.size(siblings));
        rows(&table, &ways, siblings, |way, siblings| {
            let restarts = match way.name {
                // To start so many takes it seconds, each time.
                name if name == RACTOR_SUPERVISOR.name && siblings > 10_000 => return None,
                // It is the timer that takes the time.
                name if name == TASK_SUPERVISOR.name => 100,
                _ => 10_000,
            };
            let restarts = table.size(restarts);
            Some(restart(way, &Work::one(siblings, restarts), restarts))
        })
    });
    table.part("ns a child, where all restart", &["100 children", "1,000 children"], || {
        let children = [100, 1_000].map(|children| table.size(children));
        rows(&table, &[ONE_FOR_ALL], children, |way, children| {
            let restarts = table.size(100_000) / children;
            Some(restart(way, &Work::last(children, restarts), restarts * children))
        })
    });
    table.part("ns a child, of 100,000 idle ones", &["to start", "to stop"], || {
        let ways = [OURS, BY_BLOCK_ON, WITH_GRACE, TASKVISOR, RACTOR_SUPERVISOR, TASK_SUPERVISOR];
        rows(&table, &ways, [Idle::Start, Idle::Stop], |way, what| {
            let is_few = way.name == RACTOR_SUPERVISOR.name;
            let children = table.size(if is_few { 10_000 } else { 100_000 });
            let start = Instant::now();
            let running = way.start(&Work::idle(children));
            let started = Instant::now();
            running.stop();
            let took = match what {
                Idle::Start => started - start,
                Idle::Stop => started.elapsed(),
            };
            Some(took.as_nanos() as f64 / children as f64)
        })
    });
    table.notes(NOTES);
}

/// The time for each of so many restarts.
fn restart(way: &Way, work: &Arc<Work>, restarts: usize) -> f64 {
    let mut running = way.start(work);
    let start = Instant::now();
    work.open();
    running.until(&work.all_restarted);
    let took = start.elapsed().as_nanos() as f64 / restarts as f64;
    running.stop();
    took
}

#[derive(Clone, Copy)]
enum Idle {
    Start,
    Stop,
}

/// The medians of each way, a column for each size. All take turns in one column before the next.
fn rows<const N: usize, S: Copy>(
    table: &Table,
    ways: &[Way],
    sizes: [S; N],
    measure: impl Fn(&Way, S) -> Option<f64>,
) -> Vec<Row<'static>> {
    let mut rows: Vec<_> = ways.iter().map(|way| (way.name, Vec::new())).collect();
    for size in sizes {
        let mut figures = vec![Vec::new(); ways.len()];
        for _ in 0..table.turns(TURNS) {
            for (way, figures) in ways.iter().zip(&mut figures) {
                figures.extend(measure(way, size));
            }
        }
        for ((_, row), figures) in rows.iter_mut().zip(&mut figures) {
            figures.sort_unstable_by(f64::total_cmp);
            row.push(figures.get(figures.len() / 2).copied());
        }
    }
    rows
}
