//! How long a nursery takes to stop.

use std::future::{pending, ready};
use std::hint::black_box;
use std::time::Instant;

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use nestling::Nursery;

use crate::table::{Cell, Table};
use crate::turns::median;

/// Children that have not started when the first one fails.
const BACKLOG: usize = 1_000_000;

/// Of so many runs of each, one after the other, the median counts.
const RUNS: usize = 5;

pub(crate) fn row(table: &Table) {
    table.head("ms", &["to stop"]);
    table.row("first error, a million in the backlog", "a Vec of them is dropped", || {
        let children = if table.test { 1_000 } else { BACKLOG };
        let times = (0..RUNS).map(|_| (stop(children), drop_all(children)));
        let (mut ours, mut theirs): (Vec<_>, Vec<_>) = times.unzip();
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        vec![Some(Cell { ours, theirs: Some(theirs), at_most: 3.0 })]
    });
}

/// In milliseconds, since `start`.
fn since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1_000.0
}

/// Has a size, as a child that does something has.
async fn child() -> Result<(), &'static str> {
    let kept = black_box([1_u8; 32]);
    pending::<()>().await;
    black_box(kept);
    Ok(())
}

fn stop(children: usize) -> f64 {
    let mut nursery: Nursery<'_, (), &str> = Nursery::new().limit(1).first_error();
    nursery.spawn(ready(Err("the first")));
    for _ in 0..children {
        nursery.spawn(child());
    }
    let start = Instant::now();
    let error = block_on(nursery.join()).expect_err("a child fails");
    let time = since(start);
    assert_eq!(error.counts().cancelled(), children as u64);
    time
}

fn drop_all(children: usize) -> f64 {
    let all: Vec<BoxFuture<'_, _>> = (0..children).map(|_| child().boxed()).collect();
    let start = Instant::now();
    drop(black_box(all));
    since(start)
}
