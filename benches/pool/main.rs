//! What an item of a pool costs, beside rivals that do the same work, and what more cores bring.
//!
//! `cargo bench --bench pool` takes turns between a pool and its rival, and prints the ratio of the medians
//! of one run. `-- --test` runs each once, with few items.

mod compare;

use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;

use compare::{Compare, Row};
use futures::executor::{ThreadPool, block_on};
use futures::stream::{self, StreamExt};
use futures_buffered::BufferedStreamExt;
use nestling::{Nursery, Pool, executor};
use tokio::task::JoinSet;

type Outcome = Result<(), ()>;

const LIMIT: usize = 64;

fn main() {
    let compare = Compare::from_args();
    compare.head();
    let many = compare.size(1_000_000);
    compare.row(Row {
        work: "ready items",
        rival: "buffer_unordered(64)",
        items: (many, many),
        ours: &mut |n| in_a_pool(n, at_once),
        theirs: &mut |n| in_a_buffer(n, at_once),
        at_most: 0.6,
    });
    compare.row(Row {
        work: "ready items",
        rival: "futures_buffered, 64",
        items: (many, many),
        ours: &mut |n| in_a_pool(n, at_once),
        theirs: &mut |n| in_futures_buffered(n, at_once),
        at_most: 1.0,
    });
    let yielding = compare.size(200_000);
    compare.row(Row {
        work: "items that yield 4 times",
        rival: "buffer_unordered(64)",
        items: (yielding, yielding),
        ours: &mut |n| in_a_pool(n, yield_four_times),
        theirs: &mut |n| in_a_buffer(n, yield_four_times),
        at_most: 0.6,
    });
    compare.row(Row {
        work: "ready items, very many",
        rival: "itself, with 100000",
        items: (compare.size(10_000_000), compare.size(100_000)),
        ours: &mut |n| in_a_pool(n, at_once),
        theirs: &mut |n| in_a_pool(n, at_once),
        at_most: 1.1,
    });
    remote(&compare);
    cores(&compare);
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
fn remote(compare: &Compare) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.expect("a runtime");
    let handle = runtime.handle().clone();
    let far = executor(move |task| drop(handle.spawn(task)));
    let size = compare.size(100_000);
    compare.row(Row {
        work: "remote children, 2 threads",
        rival: "tokio JoinSet, the same",
        items: (size, size),
        ours: &mut |n| {
            runtime.block_on(async {
                let mut nursery = Nursery::new();
                for child in 0..n {
                    nursery.spawn_on(&far, at_once(child));
                }
                assert_eq!(nursery.join().await.expect("no child fails").len(), n);
            });
        },
        theirs: &mut |n| {
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
        },
        at_most: 1.0,
    });
}

/// Items that compute, on two cores and on one.
fn cores(compare: &Compare) {
    let threads = ThreadPool::builder().pool_size(2).create().expect("two threads");
    let size = compare.size(2_000);
    compare.row(Row {
        work: "items that compute, 2 cores",
        rival: "the same on one",
        items: (size, size),
        ours: &mut |n| {
            let pool = Pool::<'_, ()>::new(2).on(&threads);
            block_on(pool.for_each(0..n, compute)).expect("no item fails");
        },
        theirs: &mut |n| {
            block_on(Pool::<'_, ()>::new(2).for_each(0..n, compute)).expect("no item fails");
        },
        at_most: 0.55,
    });
}

async fn compute(n: usize) -> Outcome {
    let mut hash = n as u64;
    for _ in 0..100_000 {
        hash = black_box(hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
    black_box(hash);
    Ok(())
}
