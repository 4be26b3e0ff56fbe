//! Rows of one size each.

use std::future::ready;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use futures_buffered::BufferedStreamExt;
use nestling::{Nursery, Pool};
use smol::Timer;

use crate::children::{Outcome, at_once, yield_four_times, yield_times};
use crate::sets;
use crate::table::Table;
use crate::turns::{Turns, Way};

const UNORDERED: &str = "FuturesUnordered, boxed";

/// How many items of a pool run at once.
const LIMIT: usize = 64;

/// How many children are there while each that ends is followed by the next.
const IN_FLIGHT: usize = 256;

pub(crate) fn rows(table: &Table, turns: &Turns) {
    table.head("ns", &["a child, of so many"]);
    let rows = Rows { table, turns };
    rows.row(
        ("timers of smol that park (50,000)", UNORDERED, 50_000, 1.2),
        |n| assert_eq!(smol::block_on(sets::nursery(n, timer)).expect("no child fails").len(), n),
        |n| assert_eq!(smol::block_on(sets::unordered(n, timer)).len(), n),
    );
    pools(&rows);
    remote(&rows);
    rows.row(
        ("256 in flight, spawn next (100,000)", UNORDERED, 100_000, 0.65),
        |n| block_on(followed_in_a_nursery(n)),
        |n| block_on(followed_in_a_set(n)),
    );
    for (work, by_body) in [
        ("256 in flight, by slots (100,000)", false),
        ("256 in flight, slots of a body (100,000)", true),
    ] {
        rows.row(
            (work, UNORDERED, 100_000, 1.0),
            |n| block_on(fed_by_slots(n, by_body)),
            |n| block_on(followed_in_a_set(n)),
        );
    }
    rows.row(
        ("all of 10,000 fail", "FuturesUnordered and Vec", 10_000, 1.1),
        |n| assert_eq!(block_on(errors_of_a_nursery(n)), n),
        |n| assert_eq!(block_on(errors_of_a_set(n)), n),
    );
}

/// A pool does not box its items. The rival does not either in one row, and does in the other.
fn pools(rows: &Rows<'_>) {
    for (rival, boxed) in
        [("buffered_unordered(64)", false), ("buffered_unordered(64), boxed", true)]
    {
        rows.row(
            ("pool, limit 64, ready (1,000,000)", rival, 1_000_000, 0.3),
            |n| in_a_pool(n, at_once),
            |n| in_a_buffer(n, boxed, at_once),
        );
        rows.row(
            ("pool, limit 64, yield 4 (200,000)", rival, 200_000, 0.5),
            |n| in_a_pool(n, yield_four_times),
            |n| in_a_buffer(n, boxed, yield_four_times),
        );
    }
}

/// Children of a runtime with two threads.
fn remote(rows: &Rows<'_>) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let tokio = tokio.expect("a runtime");
    for (work, yields) in [("remote, ready (10,000)", 0), ("remote, yield 4 (10,000)", 4)] {
        let child = move |n| async move {
            yield_times(yields).await;
            Ok(n)
        };
        rows.row(
            (work, "tokio JoinSet, two threads", 10_000, 1.5),
            |n| {
                let all = tokio.block_on(async { sets::remote_nursery(n, child).await });
                assert_eq!(all.expect("no child fails").len(), n);
            },
            |n| assert_eq!(tokio.block_on(sets::join_set(n, child)).len(), n),
        );
    }
}

async fn timer(n: usize) -> Outcome {
    Timer::after(Duration::from_millis(1)).await;
    Ok(n)
}

fn in_a_pool<F: Future<Output = Outcome>>(size: usize, item: impl Fn(usize) -> F) {
    let items = Pool::new(LIMIT).for_each(0..size, |n| item(n).map(|end| end.map(drop)));
    block_on(items).expect("no item fails");
}

fn in_a_buffer<F>(size: usize, boxed: bool, item: impl Fn(usize) -> F)
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let items = stream::iter(0..size);
    if boxed {
        drain(items.map(|n| item(n).boxed()).buffered_unordered(LIMIT));
    } else {
        drain(items.map(item).buffered_unordered(LIMIT));
    }
}

fn drain(ends: impl Stream<Item = Outcome>) {
    assert_eq!(block_on(ends.filter(|end| ready(end.is_err())).count()), 0);
}

/// Is in flight for a while: it is pending once.
async fn once_pending(n: usize) -> Outcome {
    yield_times(1).await;
    Ok(n)
}

async fn followed_in_a_nursery(size: usize) {
    let (mut nursery, mut spawned) = (Nursery::new(), 0..size);
    for n in spawned.by_ref().take(IN_FLIGHT) {
        nursery.spawn(once_pending(n));
    }
    let mut ended = 0;
    while nursery.next().await.is_some() {
        ended += 1;
        if let Some(n) = spawned.next() {
            nursery.spawn(once_pending(n));
        }
    }
    assert_eq!(ended, size);
}

async fn fed_by_slots(size: usize, by_body: bool) {
    let mut nursery = Nursery::new().limit(IN_FLIGHT);
    let outputs = if by_body {
        let body = nursery.run(|spawner| async move {
            for n in 0..size {
                let slot = spawner.reserve().await.expect("nothing cancels it");
                slot.spawn(once_pending(n)).expect("nothing cancels it");
            }
            Ok(())
        });
        body.await.expect("no child fails").1
    } else {
        for n in 0..size {
            let slot = nursery.reserve().await.expect("nothing cancels it");
            slot.spawn(once_pending(n));
        }
        nursery.join().await.expect("no child fails")
    };
    assert_eq!(outputs.len(), size);
}

async fn followed_in_a_set(size: usize) {
    let (mut set, mut spawned) = (FuturesUnordered::new(), 0..size);
    for n in spawned.by_ref().take(IN_FLIGHT) {
        set.push(once_pending(n).boxed());
    }
    let mut ended = 0;
    while set.next().await.is_some() {
        ended += 1;
        if let Some(n) = spawned.next() {
            set.push(once_pending(n).boxed());
        }
    }
    assert_eq!(ended, size);
}

async fn fail(n: usize) -> Result<(), usize> {
    Err(n)
}

async fn errors_of_a_nursery(size: usize) -> usize {
    let mut nursery = Nursery::new();
    for n in 0..size {
        nursery.spawn(fail(n));
    }
    nursery.join().await.expect_err("all fail").len()
}

async fn errors_of_a_set(size: usize) -> usize {
    let mut set = FuturesUnordered::new();
    for n in 0..size {
        set.push(fail(n).boxed());
    }
    let mut errors = Vec::new();
    while let Some(end) = set.next().await {
        errors.extend(end.err());
    }
    errors.len()
}

struct Rows<'a> {
    table: &'a Table,
    turns: &'a Turns,
}

impl Rows<'_> {
    fn row(
        &self,
        (work, rival, size, at_most): (&str, &str, usize, f64),
        ours: impl Fn(usize),
        theirs: impl Fn(usize),
    ) {
        self.table.row(work, rival, || {
            let children = self.turns.size(size);
            let (ours, theirs) = (Way { children, run: &ours }, Way { children, run: &theirs });
            vec![Some(self.turns.compare(ours, theirs, at_most))]
        });
    }
}
