//! What is printed of a nursery, and of what it hands out, says what it is.

use std::fmt::Debug;
use std::future::{pending, ready};
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use nestling::{Nursery, Pool, Report, executor};

use crate::support::{Task, drive};

type Tree = Nursery<'static, u32, &'static str>;

#[track_caller]
fn says(value: &impl Debug, texts: &[&str]) {
    let printed = format!("{value:?}");
    for text in texts {
        assert!(printed.contains(text), "{printed} has no {text}");
    }
}

#[test]
fn a_nursery_tells_its_name_its_numbers_and_its_cause() {
    let mut nursery = Tree::new().name("sync").limit(1);
    nursery.spawn(pending());
    nursery.spawn(pending());
    says(&nursery, &["Nursery", "\"sync\"", "running: 0", "queued: 2", "cause: None"]);
    nursery.cancel_with("enough");
    says(&nursery, &["queued: 0", "enough"]);
    says(&nursery.spawner(), &["Spawner", "enough"]);
}

#[test]
fn each_future_tells_what_it_is() {
    says(&Tree::new().join(), &["Join"]);
    says(&Tree::new().join().by_child(), &["JoinByChild"]);
    says(&Tree::new().settle(), &["Settle"]);
    says(&Tree::new().first_ok(), &["FirstOk"]);
    says(&Tree::new().first_ok().settle(), &["FirstOkSettle"]);
    says(&Tree::new().next(), &["Next"]);
    says(&Tree::new().run(|_| pending::<Result<(), _>>()), &["Run"]);
    says(&Tree::new().run(|_| pending::<Result<(), _>>()).settle(), &["RunSettle"]);
    says(&Tree::new().reserve(), &["Reserve"]);
    says(&Tree::new().spawner().reserve(), &["SpawnerReserve"]);
    says(&Tree::new().try_reserve().unwrap(), &["ChildBuilder", "daemon: false"]);
    let spawner = Tree::new().spawner();
    says(&spawner.try_reserve().unwrap_err(), &["Closed"]);
}

#[test]
fn a_handle_and_what_waits_for_its_child_name_the_child() {
    let mut nursery = Tree::new();
    let handle = nursery.child().name("fetch").spawn_with_handle(pending());
    says(&handle, &["CancelHandle", "\"fetch\"", "finished: false"]);
    says(&handle.finished(), &["Finished", "\"fetch\""]);
    handle.cancel_with("enough");
    says(&handle, &["enough"]);
    drop(nursery);
    says(&handle, &["finished: true"]);
}

#[test]
fn a_rejected_child_tells_why_and_needs_no_debug_itself() {
    let spawner = Tree::new().spawner();
    says(&spawner.spawn(async { Ok(1) }).unwrap_err(), &["Rejected", "Closed"]);
}

#[test]
fn a_report_and_a_cancelled_child_are_told_in_a_line() {
    let mut nursery = Tree::new();
    nursery.spawn(async { Ok(1) });
    nursery.child().name("poll").spawn_with_handle(pending()).cancel_with("enough");
    let std::task::Poll::Ready(report) = Task::new(nursery.settle()).run() else {
        panic!("every child has ended");
    };
    let report: Report<_, _> = report;
    assert_eq!(report.to_string(), "2 children: 1 completed, 0 failed, 1 cancelled");
    assert_eq!(report.cancelled()[0].to_string(), "#1 poll: requested: enough");
}

#[test]
fn handles_and_what_children_know_of_themselves_tell_the_child() {
    let mut nursery = Tree::new();
    let handle =
        nursery.child().name("far").grace(pending::<()>).spawn_join(pending::<Result<u8, _>>());
    says(&handle, &["JoinHandle", "\"far\"", "cause: None", "finished: false"]);
    let known = Arc::new(OnceLock::new());
    let own = Arc::clone(&known);
    nursery.child().name("near").grace(pending::<()>).spawn_with_context(move |cx| {
        assert!(own.set(cx).is_ok());
        pending()
    });
    drive(&mut nursery);
    nursery.cancel_with("enough");
    says(&handle, &["enough"]);
    let cx = known.get().unwrap();
    says(cx, &["ChildContext", "\"near\"", "enough"]);
    says(&cx.cancelled(), &["ChildCancelled", "\"near\""]);
    says(&cx.spawner().cancelled(), &["NurseryCancelled"]);
    drop(nursery);
    let lost = handle.now_or_never().unwrap().unwrap_err();
    says(&lost, &["Lost", "\"far\"", "Dropped", "enough"]);
}

#[test]
fn builders_drivers_pools_and_executors_tell_what_they_are() {
    let mut nursery = Tree::new();
    let child = nursery.child().name("far").daemon().timeout(pending::<()>);
    says(&child, &["ChildBuilder", "\"far\"", "daemon: true", "timeout: true", "grace: false"]);
    says(&nursery.child().grace(pending::<()>), &["timeout: false", "grace: true"]);
    drop(nursery);
    says(&Tree::new().split().1, &["Driver"]);
    let pool = || Pool::<'static, &'static str>::new(7).name("sync");
    says(&pool(), &["Pool", "\"sync\"", "limit: 7"]);
    let inline = executor(drop);
    says(&inline, &["Executor"]);
    says(&pool().on(inline), &["PoolOn", "\"sync\"", "limit: 7"]);
    let none: [u8; 0] = [];
    says(&pool().for_each(none, |_| ready(Ok(()))), &["ForEach"]);
    says(&pool().map(none, |_| ready(Ok(()))), &["Map"]);
    says(&pool().on(inline).map(none, |_| ready(Ok(()))).settle(), &["PoolSettle"]);
}
