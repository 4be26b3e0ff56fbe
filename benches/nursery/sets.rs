//! Ways to run a number of children: a nursery, and what does less.
//!
//! Each spawns its children at once, and returns the future that runs them to their end. It returns
//! that future as it is: one that also counts the outputs would move it once more.

use std::panic::AssertUnwindSafe;

use futures::future::{AbortHandle, Abortable, FutureExt};
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use nestling::{CancelHandle, JoinedError, Nursery, Pool};
use tokio::task::JoinSet;

use crate::children::Outcome;

/// What comes of a nursery.
pub(crate) type Joined = Result<Vec<usize>, JoinedError<()>>;

pub(crate) fn nursery<'a, F>(
    size: usize,
    child: impl Fn(usize) -> F,
) -> impl Future<Output = Joined>
where
    F: Future<Output = Outcome> + Send + 'a,
{
    let mut nursery = Nursery::new();
    for n in 0..size {
        nursery.spawn(child(n));
    }
    nursery.join()
}

pub(crate) fn nursery_with_handles<'a, F>(
    size: usize,
    child: impl Fn(usize) -> F,
) -> (Vec<CancelHandle>, impl Future<Output = Joined>)
where
    F: Future<Output = Outcome> + Send + 'a,
{
    let mut nursery = Nursery::new();
    let mut handles = Vec::new();
    for n in 0..size {
        handles.push(nursery.spawn_with_handle(child(n)));
    }
    (handles, nursery.join())
}

/// A pool that takes all items at once.
pub(crate) fn pool<F>(
    size: usize,
    item: impl Fn(usize) -> F,
) -> impl Future<Output = Result<(), JoinedError<()>>>
where
    F: Future<Output = Outcome>,
{
    Pool::new(size).for_each(0..size, move |n| item(n).map(|end| end.map(drop)))
}

pub(crate) fn unordered<'a, F>(
    size: usize,
    child: impl Fn(usize) -> F,
) -> impl Future<Output = Vec<usize>>
where
    F: Future<Output = Outcome> + Send + 'a,
{
    let set = FuturesUnordered::new();
    for n in 0..size {
        set.push(child(n).boxed());
    }
    drained(set)
}

pub(crate) fn buffered<'a, F>(
    size: usize,
    child: impl Fn(usize) -> F,
) -> impl Future<Output = Vec<usize>>
where
    F: Future<Output = Outcome> + Send + 'a,
{
    let mut set = futures_buffered::FuturesUnordered::new();
    for n in 0..size {
        set.push(child(n).boxed());
    }
    drained(set)
}

/// What a nursery does with handles, put together from the parts of `futures`.
pub(crate) fn by_hand<'a, F>(
    size: usize,
    child: impl Fn(usize) -> F,
) -> (Vec<AbortHandle>, impl Future<Output = Vec<usize>>)
where
    F: Future<Output = Outcome> + Send + 'a,
{
    let set = FuturesUnordered::new();
    let mut handles = Vec::new();
    for n in 0..size {
        let (handle, registration) = AbortHandle::new_pair();
        handles.push(handle);
        let guarded = AssertUnwindSafe(child(n).boxed()).catch_unwind();
        set.push(Abortable::new(guarded, registration));
    }
    (handles, drained(set.map(|outcome| outcome.map_err(drop)?.map_err(drop)?)))
}

/// Children that run on the current runtime, and a nursery that waits for them.
pub(crate) fn remote_nursery<F>(
    size: usize,
    child: impl Fn(usize) -> F,
) -> impl Future<Output = Joined>
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let tokio = nestling::executor(|task| drop(tokio::spawn(task)));
    let mut nursery = Nursery::new();
    for n in 0..size {
        nursery.spawn_on(tokio, child(n));
    }
    nursery.join()
}

/// On the current runtime.
pub(crate) async fn join_set<F>(size: usize, child: impl Fn(usize) -> F) -> Vec<usize>
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let mut set = JoinSet::new();
    for n in 0..size {
        set.spawn(child(n));
    }
    let mut outputs = Vec::new();
    while let Some(joined) = set.join_next().await {
        outputs.extend(joined.expect("no child panics"));
    }
    outputs
}

async fn drained(mut set: impl Stream<Item = Outcome> + Unpin) -> Vec<usize> {
    let mut outputs = Vec::new();
    while let Some(outcome) = set.next().await {
        outputs.extend(outcome);
    }
    outputs
}
