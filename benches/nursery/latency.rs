//! How long a task of the same thread waits beside children that work and yield.

use std::cell::Cell;
use std::time::{Duration, Instant};

use nestling::Nursery;
use smol::LocalExecutor;
use smol::future::yield_now;

use crate::table::{self, Table};
use crate::turns::median;

/// How often a wait is measured.
const TURNS: usize = 5;

/// What a child does before it yields.
const WORK: Duration = Duration::from_millis(1);

pub(crate) fn rows(table: &Table) {
    table.head("ms", &["the longest wait of a task"]);
    for (children, work, at_most) in [
        (1, "beside 1 busy child, 1 ms a poll", 10.0),
        (4, "beside 4 busy children, 1 ms a poll", 40.0),
    ] {
        table.row(work, "", || {
            let (turns, yields) = if table.test { (1, 4) } else { (TURNS, 600) };
            let mut waits: Vec<_> =
                (0..turns).map(|_| longest_wait(children, yields / children)).collect();
            vec![Some(table::Cell { ours: median(&mut waits), theirs: None, at_most })]
        });
    }
}

/// In milliseconds.
fn longest_wait(children: usize, yields: usize) -> f64 {
    let longest = Cell::new(Duration::ZERO);
    let executor = LocalExecutor::new();
    let beside = executor.spawn(async {
        loop {
            let start = Instant::now();
            yield_now().await;
            longest.set(longest.get().max(start.elapsed()));
        }
    });
    let nursery = executor.spawn(async move {
        let mut nursery: Nursery<'_, (), ()> = Nursery::new();
        for _ in 0..children {
            nursery.spawn(work_and_yield(yields));
        }
        nursery.join().await.expect("no child fails");
    });
    smol::block_on(executor.run(nursery));
    drop(beside);
    longest.get().as_secs_f64() * 1_000.0
}

async fn work_and_yield(yields: usize) -> Result<(), ()> {
    for _ in 0..yields {
        let start = Instant::now();
        while start.elapsed() < WORK {}
        yield_now().await;
    }
    Ok(())
}
