//! What is told in the spans, and that they are left whatever happens.

use std::future::{pending, poll_fn, ready};
use std::task::Poll;

use futures::executor::block_on;
use nestling::{Nursery, Pool};

use super::recorder::Recorder;
use super::{TellsItsDrop, poll_once};

#[test]
fn failures_are_told_as_what_they_are() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), &str> = Nursery::new().trace();
    nursery.child().name("fails").spawn(ready(Err("disk full")));
    nursery.child().name("panics").spawn(async {
        let _local = TellsItsDrop;
        panic!("a child")
    });
    nursery.child().name("late").timeout(|| ready(())).spawn(pending());
    nursery.child().name("completes").spawn(ready(Ok(())));
    block_on(nursery.join()).unwrap_err();
    let expected = [
        "nursery > child fails: WARN failed",
        "nursery > child panics: INFO dropped its own",
        "nursery > child panics: WARN panicked",
        "nursery > child late: DEBUG cancelled cause=child #2 late timed out",
        "nursery > child late: WARN timed out",
    ];
    let mut events = recorder.events();
    events.sort();
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(events, sorted);
    recorder.check_all_is_over();
}

#[test]
fn a_cancel_is_told_with_its_cause() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), &str> = Nursery::new().first_error().limit(3).trace();
    let handle = nursery.child().name("by handle").spawn_with_handle(async {
        let _local = TellsItsDrop;
        pending().await
    });
    nursery.child().name("with the nursery").spawn(pending());
    nursery.child().name("fails").spawn(async move {
        handle.cancel_with("enough");
        smol::future::yield_now().await;
        smol::future::yield_now().await;
        Err("disk full")
    });
    nursery.child().name("waits").spawn(pending());
    nursery.child().name("never starts").spawn(pending());
    block_on(nursery.join()).unwrap_err();
    let failed = "cause=child #2 fails failed: disk full";
    let mut expected = [
        "nursery > child by handle: DEBUG cancelled cause=requested: enough".into(),
        "nursery > child by handle: INFO dropped its own".into(),
        "nursery > child fails: WARN failed".into(),
        format!("nursery > child with the nursery: DEBUG cancelled {failed}"),
        format!("nursery > child waits: DEBUG cancelled {failed}"),
        format!("nursery: DEBUG cancelled {failed} id=4 name=never starts"),
    ];
    expected.sort();
    let mut events = recorder.events();
    events.sort();
    assert_eq!(events, expected);
    recorder.check_all_is_over();
}

#[test]
fn a_child_that_the_deadline_finds_in_the_backlog_is_told() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("late").trace().deadline(ready(()));
    nursery.child().name("fetch").spawn(pending());
    block_on(nursery.join()).unwrap_err();
    let expected = [
        "nursery late: DEBUG cancelled cause=the deadline passed id=0 name=fetch",
        "nursery late: WARN timed out id=0 name=fetch",
    ];
    assert_eq!(recorder.events(), expected);
    recorder.check_all_is_over();
}

#[test]
fn what_is_dropped_with_its_nursery_is_dropped_in_its_span() {
    let (recorder, _guard) = Recorder::begin();
    let local = TellsItsDrop;
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
    nursery.spawn(async {
        let _local = local;
        pending().await
    });
    let body = TellsItsDrop;
    poll_once(nursery.run(|_| async {
        let _local = body;
        pending::<Result<(), _>>().await
    }));
    let mut items = 0;
    poll_once(Pool::new(1).trace().for_each(0..3, |_| {
        items += 1;
        async {
            let _local = TellsItsDrop;
            pending::<Result<(), ()>>().await
        }
    }));
    let expected = [
        "nursery > child 0: INFO dropped its own",
        "nursery > child 0: DEBUG dropped",
        "nursery > body: INFO dropped its own",
        "nursery > body: DEBUG dropped",
        "pool > item 0: INFO dropped its own",
        "pool > item 0: DEBUG dropped",
    ];
    assert_eq!(recorder.events(), expected);
    recorder.check_all_is_over();
}

#[test]
fn a_future_that_has_ended_is_dropped_in_its_span() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
    let local = TellsItsDrop;
    nursery.spawn(poll_fn(move |_| {
        let _kept = &local;
        Poll::Ready(Ok(()))
    }));
    block_on(nursery.join()).unwrap();
    assert_eq!(recorder.events(), ["nursery > child 0: INFO dropped its own"]);
    recorder.check_all_is_over();
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        let _after = TellsItsDrop;
        panic!("a destructor");
    }
}

#[test]
fn a_destructor_that_panics_leaves_the_span() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
    let handle = nursery.child().name("bomb").spawn_with_handle(async {
        let _bomb = Bomb;
        pending().await
    });
    nursery.spawn(async move {
        handle.cancel();
        Ok(())
    });
    block_on(nursery.join()).unwrap_err();
    let told = recorder.events();
    assert_eq!(
        told[1..],
        ["nursery > child bomb: INFO dropped its own", "nursery > child bomb: WARN panicked",]
    );
    recorder.check_all_is_over();
}
