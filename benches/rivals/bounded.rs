//! Ways to run many children, few of them at once.

use std::future::pending;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bounded_join_set::JoinSet;
use futures::FutureExt;
use futures::executor::block_on;
use futures::stream::{self, Stream, StreamExt};
use futures_buffered::BufferedStreamExt;
use futures_concurrency::prelude::*;
use nestling::{Nursery, Pool};
use tokio::runtime::Builder;

use crate::measure::{Run, Runs};
use crate::work::Outcome;
use crate::works::yield_times;

const LIMIT: usize = 64;

/// Items that yield so often, and then are ready.
pub fn runs(yields: usize) -> Runs {
    let item = move |n: usize| async move {
        yield_times(yields).await;
        Outcome::Ok(n)
    };
    let tokio = Builder::new_current_thread().build().expect("a runtime");
    vec![
        whole("nestling Pool", move |size| {
            let items = Pool::new(LIMIT).for_each(0..size, |n| item(n).map(|end| end.map(drop)));
            block_on(items).expect("no item fails");
        }),
        whole("nestling Nursery, limit", move |size| {
            let mut nursery = Nursery::new().limit(LIMIT);
            for n in 0..size {
                nursery.spawn(item(n));
            }
            assert_eq!(block_on(nursery.join()).expect("no child fails").len(), size);
        }),
        whole("buffer_unordered", move |size| {
            drain(size, stream::iter(0..size).map(item).buffer_unordered(LIMIT));
        }),
        whole("buffer_unordered, boxed", move |size| {
            drain(size, stream::iter(0..size).map(|n| item(n).boxed()).buffer_unordered(LIMIT));
        }),
        whole("futures-buffered", move |size| {
            drain(size, stream::iter(0..size).map(item).buffered_unordered(LIMIT));
        }),
        whole("ConcurrentStream, limit", move |size| {
            let items = stream::iter(0..size).co().limit(NonZeroUsize::new(LIMIT)).map(item);
            block_on(items.try_for_each(async |end| end.map(drop))).expect("no item fails");
        }),
        whole("bounded_join_set, one thread", move |size| {
            tokio.block_on(async {
                let mut set = JoinSet::new(LIMIT);
                (0..size).for_each(|n| drop(set.spawn(item(n))));
                let mut outputs = Vec::new();
                while let Some(end) = set.join_next().await {
                    outputs.extend(end.expect("no child panics"));
                }
                assert_eq!(outputs.len(), size);
            });
        }),
    ]
}

/// The first of so many fails, before the others have begun: the time until all are gone.
pub fn backlogs() -> Runs {
    let tokio = Builder::new_current_thread().build().expect("a runtime");
    let none = |way| (way, None);
    let nursery: Run = Rc::new(|size| {
        let mut nursery: Nursery<'_, usize, usize> = Nursery::new().limit(1).first_error();
        nursery.spawn(async { Err(7) });
        for _ in 1..size {
            nursery.spawn(pending());
        }
        let start = Instant::now();
        let failed = block_on(nursery.join()).expect_err("a child fails");
        let took = start.elapsed();
        assert_eq!(failed.len(), 1);
        took
    });
    let join_set: Run = Rc::new(move |size| {
        tokio.block_on(async {
            let mut set = JoinSet::<Outcome>::new(1);
            set.spawn(async { Err(7) });
            (1..size).for_each(|_| drop(set.spawn(pending())));
            let start = Instant::now();
            let end = set.join_next().await.expect("there are children");
            assert_eq!(end.expect("it does not panic"), Err(7));
            set.shutdown().await;
            start.elapsed()
        })
    });
    vec![
        none("nestling Pool"),
        ("nestling Nursery, limit", Some(nursery)),
        none("buffer_unordered"),
        none("buffer_unordered, boxed"),
        none("futures-buffered"),
        none("ConcurrentStream, limit"),
        ("bounded_join_set, one thread", Some(join_set)),
    ]
}

fn drain(size: usize, ends: impl Stream<Item = Outcome>) {
    let ok = block_on(ends.filter(|end| std::future::ready(end.is_ok())).count());
    assert_eq!(ok, size);
}

/// A way whose whole run is measured.
fn whole(way: &'static str, run: impl Fn(usize) + 'static) -> (&'static str, Option<Run>) {
    let run = move |size| -> Duration {
        let start = Instant::now();
        run(size);
        start.elapsed()
    };
    (way, Some(Rc::new(run)))
}
