//! Children and items on an executor of other threads.

use std::future::pending;

use futures::channel::oneshot;
use futures::executor::{ThreadPool, block_on};
use nestling::{Nursery, Pool};
use smol::future::yield_now;
use tracing::dispatcher::with_default;

use super::TellsItsDrop;
use super::recorder::Recorder;

fn threads() -> ThreadPool {
    ThreadPool::builder().pool_size(2).create().unwrap()
}

#[test]
fn a_remote_child_is_in_its_span_on_its_thread() {
    let (recorder, _guard) = Recorder::begin();
    let subscriber = tracing::dispatcher::get_default(Clone::clone);
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("sync").trace();
    nursery.child().name("remote").spawn_on(threads(), async move {
        for _ in 0..2 {
            // The thread has no subscriber of its own.
            with_default(&subscriber, || tracing::info!("over there"));
            yield_now().await;
        }
        Err(())
    });
    block_on(nursery.join()).unwrap_err();
    let child = "nursery sync > child remote";
    assert_eq!(recorder.paths(), ["nursery sync", child]);
    let told = format!("{child}: INFO over there");
    assert_eq!(recorder.events(), [told.clone(), told, format!("{child}: WARN failed")]);
    let enters = recorder.told().spans[1].enters;
    assert_eq!(enters, 4); // three times polled, and dropped: not for what waits here
    recorder.check_all_is_over();
}

#[test]
fn a_remote_child_that_is_cancelled_is_dropped_in_its_span() {
    let (recorder, _guard) = Recorder::begin();
    let subscriber = tracing::dispatcher::get_default(Clone::clone);
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
    let (started, start) = oneshot::channel();
    let handle = nursery.spawn_on(threads(), async move {
        let _local = InSubscriber(subscriber);
        started.send(()).unwrap();
        pending().await
    });
    nursery.spawn(async move {
        start.await.unwrap();
        handle.cancel_with("enough");
        Ok(())
    });
    block_on(nursery.join()).unwrap();
    let expected = [
        "nursery > child 0: DEBUG cancelled cause=requested: enough",
        "nursery > child 0: INFO dropped its own",
    ];
    assert_eq!(recorder.events(), expected);
    recorder.check_all_is_over();
}

struct InSubscriber(tracing::Dispatch);

impl Drop for InSubscriber {
    fn drop(&mut self) {
        with_default(&self.0, || drop(TellsItsDrop));
    }
}

#[test]
fn items_on_threads_have_spans_in_that_of_their_pool() {
    let (recorder, _guard) = Recorder::begin();
    let run = Pool::new(3).name("hash").trace().on(threads()).map(0..50, |n| async move {
        if n % 2 == 0 {
            yield_now().await;
        }
        if n == 7 { Err(()) } else { Ok(n) }
    });
    block_on(run).unwrap_err();
    recorder.check_all_is_over();
    assert_eq!(recorder.events(), ["pool hash > item 7: WARN failed"]);
    let mut paths = recorder.paths();
    assert_eq!(paths.remove(0), "pool hash");
    paths.sort_by_key(|path| path.len());
    let expected: Vec<_> = (0..50).map(|n| format!("pool hash > item {n}")).collect();
    paths.sort();
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(paths, sorted);
    assert_eq!(recorder.told().closed.last().unwrap(), "pool hash");
}

#[test]
fn another_thread_may_spawn_and_drive() {
    let recorder = Recorder::default();
    let mut nursery: Nursery<'_, (), ()> =
        with_default(&recorder.subscriber(), || Nursery::new().trace());
    let spawner = nursery.spawner();
    std::thread::scope(|threads| {
        threads.spawn(|| drop(spawner.child().name("one").spawn(async { Err(()) })));
    });
    std::thread::scope(|threads| {
        threads.spawn(|| block_on(nursery.join()).unwrap_err());
    });
    assert_eq!(recorder.paths(), ["nursery", "nursery > child one"]);
    assert_eq!(recorder.events(), ["nursery > child one: WARN failed"]);
    recorder.check_all_is_over();
}
