//! What a handle asks for while the supervisor runs.

use nestling::supervise::{Refused, Restart, RunState};

use super::{Fail, Graceful, RUN, SECOND, Succeed, World, drive};

#[test]
fn children_are_added_stopped_restarted_and_removed_while_it_runs() {
    let (_, world) = drive(
        |world| world.supervisor().child(world.child("a", &[RUN])),
        |world, handle| async move {
            handle.add(world.child("b", &[RUN])).await.unwrap();
            world.sleep(1).await;
            handle.stop("a").await.unwrap();
            world.note("stopped");
            world.sleep(1).await;
            handle.restart("a").await.unwrap();
            world.note("restarted");
            world.sleep(1).await;
            handle.restart("b").await.unwrap();
            world.sleep(1).await;
            handle.remove("b").await.unwrap();
            assert!(handle.get("b").is_none());
            handle.add(world.child("b", &[RUN])).await.unwrap();
            world.sleep(1).await;
        },
    );
    assert_eq!(
        world.log(),
        [
            "0 +a1",
            "0 +b1",
            "1 -a1",
            "1 stopped",
            "2 +a2",
            "2 restarted",
            "3 -b1",
            "3 +b2",
            "4 -b2",
            "4 +b1",
            "5 -b1",
            "5 -a2",
        ]
    );
}

#[test]
fn a_child_that_is_refused_comes_back() {
    let (_, _) = drive(
        |world| world.supervisor().max_children(2).child(world.child("a", &[RUN])),
        |world, handle| async move {
            let refused = handle.add(world.child("a", &[RUN])).await.unwrap_err();
            assert_eq!(refused.reason, Refused::NameTaken);
            assert_eq!(refused.child.as_ref().unwrap().name(), "a");
            assert_eq!(
                refused.to_string(),
                "child \"a\" was not added: the supervisor has a child of this name already"
            );
            handle.add(world.child("b", &[RUN])).await.unwrap();
            let refused = handle.add(world.child("c", &[RUN])).await.unwrap_err();
            assert_eq!(refused.reason, Refused::Full);
            handle.remove("a").await.unwrap();
            handle.add(refused.child.unwrap()).await.unwrap();
            let bad = world.child("d", &[RUN]).says_ready(std::time::Duration::ZERO);
            handle.remove("b").await.unwrap();
            let refused = handle.add(bad).await.unwrap_err();
            assert!(matches!(refused.reason, Refused::Config(_)), "{refused}");
            handle.shutdown("done");
            let refused = handle.add(world.child("e", &[RUN])).await.unwrap_err();
            assert_eq!(refused.reason, Refused::Ended);
            assert!(refused.child.is_some());
        },
    );
}

#[test]
fn what_is_asked_of_no_child_or_after_the_end_is_refused() {
    let (_, _) = drive(
        |world| world.supervisor().child(world.child("a", &[RUN])),
        |_, handle| async move {
            assert_eq!(handle.stop("b").await, Err(Refused::NoSuchChild));
            assert_eq!(handle.remove("b").await, Err(Refused::NoSuchChild));
            assert_eq!(handle.restart("b").await, Err(Refused::NoSuchChild));
            handle.shutdown("first");
            handle.shutdown("second");
            assert_eq!(handle.restart("a").await, Err(Refused::Ended));
        },
    );
    let mut kept = None;
    let mut executor = nestling::testing::Executor::new(1);
    let world = super::World::new(&executor);
    let supervision = world.supervisor().build().unwrap();
    let handle = supervision.handle();
    kept.replace(handle.clone());
    handle.shutdown("done");
    executor.block_on(supervision).unwrap();
    let handle = kept.unwrap();
    assert_eq!(executor.block_on(handle.stop("a")), Err(Refused::Ended));
    let refused = executor.block_on(handle.add(world.child("a", &[RUN]))).unwrap_err();
    assert_eq!((refused.reason, refused.child.unwrap().name()), (Refused::Ended, "a"));
    assert!(handle.is_finished());
    drop(executor);
}

#[test]
fn a_restart_of_an_incarnation_does_not_touch_the_next() {
    let (_, world) = drive(
        |world| world.supervisor().child(world.child("a", &[Fail(5), RUN])),
        |world, handle| async move {
            world.sleep(3).await;
            let ill = handle.get("a").unwrap().incarnation();
            world.sleep(4).await;
            assert_eq!(handle.restart_incarnation("a", ill).await, Err(Refused::OldIncarnation));
            let ill = handle.get("a").unwrap().incarnation();
            handle.restart_incarnation("a", ill).await.unwrap();
        },
    );
    assert_eq!(world.log(), ["0 +a1", "5 -a1", "5 +a2", "7 -a2", "7 +a3", "7 -a3"]);
}

#[test]
fn a_ready_of_an_old_incarnation_does_not_make_the_new_one_ready() {
    use std::sync::{Arc, Mutex};

    use nestling::supervise::{ChildSpec, Incarnation};
    let old: Arc<Mutex<Vec<Incarnation>>> = Arc::default();
    let kept = Arc::clone(&old);
    let (_, _) = drive(
        |world| {
            let clock = world.clone();
            let child = ChildSpec::new("a", move |incarnation: Incarnation| {
                kept.lock().unwrap().push(incarnation.clone());
                let world = clock.clone();
                async move {
                    world.sleep(if incarnation.number() == 1 { 1 } else { super::LONG }).await;
                    Err("no".to_owned())
                }
            });
            world.supervisor().child(child.says_ready(100 * SECOND))
        },
        |world, handle| async move {
            world.sleep(2).await;
            assert_eq!(handle.get("a").unwrap().state(), RunState::Starting);
            let incarnations = old.lock().unwrap().clone();
            incarnations[0].ready();
            world.sleep(1).await;
            assert_eq!(handle.get("a").unwrap().state(), RunState::Starting);
            incarnations[1].ready();
            world.sleep(1).await;
            assert_eq!(handle.get("a").unwrap().state(), RunState::Running);
        },
    );
}

#[test]
fn a_handle_that_is_dropped_stops_nothing() {
    let mut executor = nestling::testing::Executor::new(1);
    let world = super::World::new(&executor);
    let child = world.child("a", &[Fail(3), Succeed(3)]).restart(Restart::Transient);
    let supervision = world.supervisor().child(child).build().unwrap();
    drop(supervision.handle());
    executor.block_on(supervision).unwrap();
    drop(executor);
    assert_eq!(world.log(), ["0 +a1", "3 -a1", "3 +a2", "6 -a2"]);
}

#[test]
fn what_was_asked_for_is_done_also_if_nothing_waits_for_it() {
    let (_, world) = drive(
        |world| world.supervisor().child(world.child("a", &[Graceful(2)]).grace(9 * SECOND)),
        |world, handle| async move {
            world.sleep(1).await;
            drop(handle.stop("a"));
            drop(handle.add(world.child("b", &[RUN])));
            world.sleep(5).await;
        },
    );
    assert_eq!(world.log(), ["0 +a1", "1 ?a1", "1 +b1", "3 -a1", "6 -b1"]);
}

#[test]
fn a_status_tells_the_state_the_restarts_the_last_failure_and_since_when() {
    let (_, _) = drive(
        |world| {
            let a = world.child("a", &[Fail(3)]).backoff(60 * SECOND, || [4 * SECOND; 9]);
            world.supervisor().child(a)
        },
        |world, handle| async move {
            world.sleep(1).await;
            let status = handle.get("a").unwrap();
            assert_eq!(
                (status.state(), status.incarnation(), status.restarts()),
                (RunState::Running, 1, 0)
            );
            assert_eq!(
                (status.last_failure(), status.since()),
                (None, Some(std::time::Duration::ZERO))
            );
            world.sleep(4).await;
            let status = handle.get("a").unwrap();
            assert_eq!(
                (status.state(), status.incarnation(), status.restarts()),
                (RunState::Waiting, 1, 1)
            );
            assert_eq!((status.last_failure(), status.since()), (Some("no 1"), Some(3 * SECOND)));
            world.sleep(3).await;
            let status = handle.get("a").unwrap();
            assert_eq!(
                (status.state(), status.incarnation(), status.since()),
                (RunState::Running, 2, Some(7 * SECOND))
            );
        },
    );
}

#[test]
fn failures_of_a_child_that_was_removed_stay_in_the_history() {
    let (report, _) = drive(
        |world| world.supervisor().child(world.child("a", &[Fail(1), RUN])),
        |world, handle| async move {
            world.sleep(5).await;
            handle.remove("a").await.unwrap();
        },
    );
    let error = report.error().unwrap();
    assert_eq!(error.first().child().name(), Some("a"));
    assert_eq!(error.first().failure().group().unwrap().first().error().unwrap(), "no 1");
}

#[test]
fn one_that_is_restarted_by_hand_begins_its_backoff_anew_and_counts_nowhere() {
    let (_, world) = drive(
        |world| {
            let a = world.child("a", &[Fail(1)]).backoff(60 * SECOND, || [2 * SECOND, 50 * SECOND]);
            world.supervisor().intensity(2, 1_000 * SECOND).child(a)
        },
        |world, handle| async move {
            world.sleep(10).await;
            assert_eq!(handle.get("a").unwrap().restarts(), 2);
            handle.restart("a").await.unwrap();
            world.sleep(1).await;
        },
    );
    let starts: Vec<_> = world.log().into_iter().filter(|line| line.contains('+')).collect();
    assert_eq!(starts, ["0 +a1", "3 +a2", "10 +a3"]);
}

#[test]
fn a_stop_and_a_remove_are_done_when_the_child_is_gone() {
    let gone = ["0 +a1", "1 ?a1", "4 -a1", "4 done"];
    let child = |world: &World| {
        let child = world.child("a", &[Graceful(3)]).grace(9 * SECOND);
        world.supervisor().child(child)
    };
    let (_, world) = drive(child, |world, handle| async move {
        world.sleep(1).await;
        handle.stop("a").await.unwrap();
        world.note("done");
        assert_eq!(handle.get("a").unwrap().state(), RunState::Down);
    });
    assert_eq!(world.log(), gone);
    let (_, world) = drive(child, |world, handle| async move {
        world.sleep(1).await;
        handle.remove("a").await.unwrap();
        world.note("done");
        assert!(handle.get("a").is_none());
    });
    assert_eq!(world.log(), gone);
}
