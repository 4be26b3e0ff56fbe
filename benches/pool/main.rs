//! What an item of a pool costs, beside rivals that do the same work, and what more cores bring.
//!
//! `cargo bench --bench pool` takes turns between a pool and its rival, and prints the ratio of the
//! medians of one run. A word after `--` picks the rows that have it in their work, and `-- --test`
//! runs each once, with few items.

mod elsewhere;
#[path = "../shared/table.rs"]
mod table;
#[path = "../shared/turns.rs"]
mod turns;

use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;

use futures::executor::{ThreadPool, block_on};
use futures::stream::{self, StreamExt};
use futures_buffered::BufferedStreamExt;
use nestling::{Nursery, Pool, executor};
use table::Table;
use tokio::task::JoinSet;
use turns::{Turns, Way};

type Outcome = Result<(), ()>;

const LIMIT: usize = 64;

/// Items that compute at once: more than there are cores, so that no core waits for an item.
const COMPUTING: usize = 4;

fn main() {
    let table = Table::from_args();
    let turns = Turns { test: table.test };
    let rows = Rows { table: &table, turns: &turns };
    table.head("ns", &["an item, of so many"]);
    rows.row(
        ("ready items (1,000,000)", "buffer_unordered(64)", 0.6),
        (1_000_000, &|n| in_a_pool(n, at_once)),
        (1_000_000, &|n| in_a_buffer(n, at_once)),
    );
    rows.row(
        ("ready items (1,000,000)", "futures_buffered, 64", 1.0),
        (1_000_000, &|n| in_a_pool(n, at_once)),
        (1_000_000, &|n| in_futures_buffered(n, at_once)),
    );
    rows.row(
        ("items that yield 4 times (200,000)", "buffer_unordered(64)", 0.6),
        (200_000, &|n| in_a_pool(n, yield_four_times)),
        (200_000, &|n| in_a_buffer(n, yield_four_times)),
    );
    rows.row(
        ("ready items (10,000,000)", "itself, with 100,000", 1.1),
        (10_000_000, &|n| in_a_pool(n, at_once)),
        (100_000, &|n| in_a_pool(n, at_once)),
    );
    remote(&rows);
    elsewhere::ready(&rows);
    elsewhere::alone(&rows);
    cores(&rows);
}

struct Rows<'a> {
    table: &'a Table,
    turns: &'a Turns,
}

/// How many items, and what takes so many.
type Load<'a> = (usize, &'a dyn Fn(usize));

impl Rows<'_> {
    fn row(&self, (work, rival, at_most): (&str, &str, f64), ours: Load<'_>, theirs: Load<'_>) {
        self.table.row(work, rival, || {
            let way = |(size, run)| Way { children: self.turns.size(size), run };
            vec![Some(self.turns.compare(way(ours), way(theirs), at_most))]
        });
    }
}

async fn at_once(n: usize) -> Outcome {
    black_box(n);
    Ok(())
}

async fn yield_four_times(n: usize) -> Outcome {
    let mut left = 4;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    black_box(n);
    Ok(())
}

fn in_a_pool<F: Future<Output = Outcome>>(size: usize, item: impl Fn(usize) -> F) {
    block_on(Pool::new(LIMIT).for_each(0..size, item)).expect("no item fails");
}

fn in_a_buffer<F: Future<Output = Outcome>>(size: usize, item: impl Fn(usize) -> F) {
    let items = stream::iter(0..size).map(item).buffer_unordered(LIMIT);
    assert_eq!(block_on(items.filter(|end| std::future::ready(end.is_err())).count()), 0);
}

fn in_futures_buffered<F: Future<Output = Outcome>>(size: usize, item: impl Fn(usize) -> F) {
    let items = stream::iter(0..size).map(item).buffered_unordered(LIMIT);
    assert_eq!(block_on(items.filter(|end| std::future::ready(end.is_err())).count()), 0);
}

/// Children that do nothing, on a runtime with two threads.
fn remote(rows: &Rows<'_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.expect("a runtime");
    let handle = runtime.handle().clone();
    let far = executor(move |task| drop(handle.spawn(task)));
    let in_a_nursery = |n| {
        runtime.block_on(async {
            let mut nursery = Nursery::new();
            for child in 0..n {
                nursery.spawn_on(&far, at_once(child));
            }
            assert_eq!(nursery.join().await.expect("no child fails").len(), n);
        });
    };
    let in_a_join_set = |n| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            for child in 0..n {
                set.spawn(at_once(child));
            }
            let mut outputs = Vec::new();
            while let Some(joined) = set.join_next().await {
                outputs.extend(joined.expect("no child panics"));
            }
            assert_eq!(outputs.len(), n);
        });
    };
    rows.row(
        ("remote children, 2 threads (100,000)", "tokio JoinSet, the same", 1.5),
        (100_000, &in_a_nursery),
        (100_000, &in_a_join_set),
    );
}

/// Items that compute, on two cores and on one.
fn cores(rows: &Rows<'_>) {
    let threads = ThreadPool::builder().pool_size(2).create().expect("two threads");
    let on_two = |n| {
        let pool = Pool::<'_, ()>::new(COMPUTING).on(&threads);
        block_on(pool.for_each(0..n, compute)).expect("no item fails");
    };
    let on_one = |n| {
        block_on(Pool::<'_, ()>::new(COMPUTING).for_each(0..n, compute)).expect("no item fails");
    };
    rows.row(
        ("items that compute, 2 cores (2,000)", "the same on one", 0.55),
        (2_000, &on_two),
        (2_000, &on_one),
    );
}

async fn compute(n: usize) -> Outcome {
    black_box(hash(n as u64));
    Ok(())
}

/// Out of line, so that both ways run the same code.
#[inline(never)]
fn hash(seed: u64) -> u64 {
    (0..100_000_u64).fold(seed, |hash, n| (hash ^ n).wrapping_mul(6_364_136_223_846_793_005))
}
