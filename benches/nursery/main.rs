//! What a child costs, beside rivals that do the same work with less.
//!
//! `cargo bench` measures all of them in one run and ends with a table of ratios between medians, as
//! for a program that is built with `--release` and no more. For one that is optimized as a whole, set
//! `CARGO_PROFILE_BENCH_LTO=fat` and `CARGO_PROFILE_BENCH_CODEGEN_UNITS=1`.

mod parking;
mod ratios;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use criterion::{BenchmarkId, Criterion};
use futures::executor::block_on;
use futures::future::{AbortHandle, Abortable, BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use nestling::Nursery;
use parking::Parking;
use ratios::{ROWS, print_ratios};
use tokio::task::JoinSet;

type Outcome = Result<usize, ()>;

const SIZES: [usize; 2] = [1_000, 100_000];

fn main() {
    let start = SystemTime::now();
    let mut criterion = Criterion::default().configure_from_args();
    for size in SIZES {
        bench(&mut criterion, "ready/nestling", size, || joined(size, at_once));
        bench(&mut criterion, "ready/unordered", size, || drained(size, at_once));
        ready_in_a_join_set(&mut criterion, size);
        bench(&mut criterion, "yielding/nestling", size, || joined(size, yield_four_times));
        bench(&mut criterion, "yielding/unordered", size, || drained(size, yield_four_times));
        parked(&mut criterion, size);
    }
    criterion.final_summary();
    print_ratios(&ROWS, &SIZES, start);
}

/// Measures `work`, which answers with the number of children that succeeded.
fn bench(criterion: &mut Criterion, name: &str, size: usize, mut work: impl FnMut() -> usize) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(30);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_millis(2_500));
    group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
        bencher.iter(|| assert_eq!(work(), size));
    });
    group.finish();
}

async fn at_once(n: usize) -> Outcome {
    Ok(n)
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
    Ok(n)
}

/// `spawn` and `join`.
fn joined<F: Future<Output = Outcome> + Send>(size: usize, child: impl Fn(usize) -> F) -> usize {
    let mut nursery = Nursery::new();
    for n in 0..size {
        nursery.spawn(child(n));
    }
    block_on(nursery.join()).map_or(0, |outputs| outputs.len())
}

/// Push and drain.
fn drained<F: Future<Output = Outcome> + Send>(size: usize, child: impl Fn(usize) -> F) -> usize {
    let set = FuturesUnordered::new();
    for n in 0..size {
        set.push(child(n).boxed());
    }
    block_on(collected(set))
}

async fn collected<F: Future<Output = Outcome>>(mut set: FuturesUnordered<F>) -> usize {
    let mut outputs = Vec::new();
    while let Some(outcome) = set.next().await {
        outputs.extend(outcome);
    }
    outputs.len()
}

fn ready_in_a_join_set(criterion: &mut Criterion, size: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    bench(criterion, "ready/join_set", size, || {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            for n in 0..size {
                set.spawn(at_once(n));
            }
            let mut outputs = Vec::new();
            while let Some(joined) = set.join_next().await {
                outputs.extend(joined.expect("no child panics"));
            }
            outputs.len()
        })
    });
}

fn parked(criterion: &mut Criterion, size: usize) {
    let parking = Parking::new(size);
    bench(criterion, "parked/nestling", size, || {
        let mut nursery = Nursery::new();
        for n in 0..size {
            nursery.spawn(parking.child(n));
        }
        parking.drive(nursery.join()).map_or(0, |outputs| outputs.len())
    });
    bench(criterion, "parked/unordered", size, || {
        let set: FuturesUnordered<BoxFuture<'_, Outcome>> = FuturesUnordered::new();
        for n in 0..size {
            set.push(parking.child(n).boxed());
        }
        parking.drive(collected(set))
    });
    bench(criterion, "handles/nestling", size, || {
        let mut nursery = Nursery::new();
        let mut handles = Vec::new();
        for n in 0..size {
            handles.push(nursery.spawn_with_handle(parking.child(n)));
        }
        parking.drive(nursery.join()).map_or(0, |outputs| outputs.len())
    });
    bench(criterion, "handles/by_hand", size, || {
        let set = FuturesUnordered::new();
        let mut handles = Vec::new();
        for n in 0..size {
            let (handle, registration) = AbortHandle::new_pair();
            handles.push(handle);
            let guarded = AssertUnwindSafe(parking.child(n).boxed()).catch_unwind();
            set.push(Abortable::new(guarded, registration));
        }
        let outcomes = set.map(|outcome| outcome.map_err(drop)?.map_err(drop)?);
        parking.drive(outcomes.collect::<Vec<Outcome>>()).iter().flatten().count()
    });
}
