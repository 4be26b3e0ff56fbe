//! Supervisors in nurseries, in each other, and their end.

use nestling::future::Timer;
use nestling::supervise::{ChildSpec, Restart, Strategy};
use nestling::testing::Executor;
use nestling::{CancelHandle, JoinedError, Nursery, Supervisor};

use super::{Fail, Graceful, RUN, SECOND, World, run};

#[test]
fn a_supervisor_that_gives_up_is_a_subtree_of_its_nursery() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let supervisor =
        world.supervisor().intensity(1, 9 * SECOND).child(world.child("a", &[Fail(1)]));
    let mut nursery: Nursery<'_, (), String> = Nursery::new();
    nursery.child().name("workers").group().spawn(supervisor.build().unwrap());
    let error = executor.block_on(nursery.join()).unwrap_err();
    assert_eq!(
        error.tree().locations(false).to_string(),
        "\
nursery failed: 1 of 1 child, first #0
└─ #0 workers    supervisor gave up on #0 a: more than 1 restart of all children within 9s; failed: 1 of 1 child, first #0
   └─ #0 a       child failed: 2 of 2 incarnations, first #1
      ├─ #1      no 1
      └─ #2      no 2"
    );
    drop(executor);
}

#[test]
fn a_supervisor_inside_another_is_restarted_when_it_gives_up() {
    let (result, world) = run(|outer| {
        let world = outer.clone();
        let inner = ChildSpec::group("inner", move |_| {
            let supervisor = world.supervisor().intensity(1, 9 * SECOND);
            supervisor.child(world.child("a", &[Fail(1)])).build().unwrap()
        });
        outer.supervisor().name("outer").intensity(1, 99 * SECOND).child(inner)
    });
    let error = result.unwrap_err();
    assert_eq!(world.log_of("+a").len(), 4);
    assert_eq!(error.leaves().count(), 4);
    assert_eq!(
        error.tree().locations(false).to_string(),
        "\
supervisor \"outer\" gave up on #0 inner: more than 1 restart of all children within 99s; failed: 1 of 1 child, first #0
└─ #0 inner       child failed: 2 of 2 incarnations, first #1
   ├─ #1          supervisor gave up on #0 a: more than 1 restart of all children within 9s; failed: 1 of 1 child, first #0
   │  └─ #0 a     child failed: 2 of 2 incarnations, first #1
   │     ├─ #1    no 1
   │     └─ #2    no 2
   └─ #2          supervisor gave up on #0 a: more than 1 restart of all children within 9s; failed: 1 of 1 child, first #0
      └─ #0 a     child failed: 2 of 2 incarnations, first #1
         ├─ #1    no 1
         └─ #2    no 2"
    );
}

/// Cancels a child of the nursery after 5 seconds.
fn cancel_after_5(world: &World, nursery: &mut Nursery<'_, (), String>, handle: CancelHandle) {
    let timer = world.clone();
    nursery.spawn(async move {
        timer.sleep(5).await;
        handle.cancel();
        Ok(())
    });
}

/// A supervisor with two children, in a child that is cancelled after 5 seconds.
fn cancelled(grace: Option<u64>) -> (Result<Vec<()>, JoinedError<String>>, World) {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let supervisor = world.supervisor().child(world.child("a", &[Graceful(1)]).grace(9 * SECOND));
    let supervisor = supervisor.child(world.child("b", &[Graceful(2)]).grace(9 * SECOND));
    let mut nursery: Nursery<'_, (), String> = Nursery::new();
    let mut child = nursery.child();
    if let Some(grace) = grace {
        let sleep = world.clock.clone();
        child = child.grace(move || sleep.sleep(std::time::Duration::from_secs(grace)));
    }
    let handle = child.group().spawn_with_handle(supervisor.build().unwrap());
    cancel_after_5(&world, &mut nursery, handle);
    let result = executor.block_on(nursery.join());
    drop(executor);
    (result, world)
}

#[test]
fn a_cancel_with_a_grace_stops_the_children_in_order() {
    let (result, world) = cancelled(Some(60));
    result.unwrap();
    assert_eq!(world.log()[2..], ["5 ?b1", "7 -b1", "7 ?a1", "8 -a1"]);
}

#[test]
fn a_cancel_without_a_grace_drops_the_children_in_the_last_poll() {
    let (result, world) = cancelled(None);
    assert!(result.is_ok(), "to be cancelled is no failure");
    let log = world.log();
    assert!(
        log.iter().any(|line| line == "5 -a1") && log.iter().any(|line| line == "5 -b1"),
        "{log:?}"
    );
    assert_eq!(world.clock.now(), 5 * SECOND);
}

#[test]
fn a_grace_that_is_over_drops_what_is_left() {
    let (_, world) = cancelled(Some(1));
    let log = world.log();
    assert!(
        log.iter().any(|line| line == "6 -a1") && log.iter().any(|line| line == "6 -b1"),
        "{log:?}"
    );
}

#[test]
fn a_cancel_while_all_children_wait_for_their_backoff_ends_it_at_once() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let child = world.child("a", &[Fail(1)]).backoff(60 * SECOND, || [1_000 * SECOND]);
    let mut nursery: Nursery<'_, (), String> = Nursery::new();
    let supervision = world.supervisor().child(child).build().unwrap();
    let told = world.clone();
    let handle = nursery.spawn_with_handle(async move {
        let report = supervision.settle().await;
        told.note(report.error().unwrap());
        Ok(())
    });
    cancel_after_5(&world, &mut nursery, handle);
    executor.block_on(nursery.join()).unwrap();
    drop(executor);
    assert_eq!(world.clock.now(), 5 * SECOND);
    // It was polled once more, and tells its history.
    assert_eq!(world.log().last().unwrap(), "5 1 of 1 child failed: #0 a > #1: no 1");
}

#[test]
fn dropping_it_drops_all_children() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let supervisor =
        world.supervisor().child(world.child("a", &[RUN])).child(world.child("b", &[RUN]));
    let supervision = supervisor.build().unwrap();
    let sleep = world.clock.sleep(3 * SECOND);
    drop(executor.block_on(futures::future::select(supervision, sleep)));
    drop(executor);
    assert_eq!(world.log()[2..], ["3 -b1", "3 -a1"]);
}

#[test]
fn children_may_borrow_and_need_not_be_send() {
    use std::cell::Cell;
    use std::rc::Rc;
    let clock = Executor::new(1).clock();
    let runs = Cell::new(0);
    {
        let runs = &runs;
        let shared = Rc::new(());
        let child = ChildSpec::new("a", move |_| {
            let shared = Rc::clone(&shared);
            async move {
                runs.set(runs.get() + 1);
                drop(shared);
                if runs.get() < 3 { Err("again") } else { Ok(()) }
            }
        });
        let supervisor = Supervisor::local(clock).child(child.restart(Restart::Transient));
        let mut local = futures::executor::LocalPool::new();
        local.run_until(supervisor.build().unwrap()).unwrap();
    }
    assert_eq!(runs.get(), 3);
}

#[test]
fn it_is_send_in_the_shared_flavour() {
    fn is_send<X: Send>(_: &X) {}
    let executor = Executor::new(1);
    let world = World::new(&executor);
    let supervision = world.supervisor().child(world.child("a", &[RUN])).build().unwrap();
    is_send(&supervision.handle());
    is_send(&supervision);
}

#[test]
fn a_child_that_always_fails_at_once_lets_others_of_its_task_run() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let child = ChildSpec::new("a", |_| async { Err("no") });
    let supervisor = Supervisor::new(clock).intensity(1_000_000, SECOND).child(child);
    let supervision = supervisor.strategy(Strategy::OneForAll).build().unwrap();
    let other = async {
        for _ in 0..10 {
            nestling::testing::yields(1).await;
        }
    };
    // The other ends although the supervisor would go on for long.
    let first = executor.block_on(futures::future::select(supervision, Box::pin(other)));
    assert!(matches!(first, futures::future::Either::Right(_)));
}

/// A child that hears of its end, and fails at the clean-up.
fn fails_at_the_end() -> ChildSpec<'static, String> {
    let child = ChildSpec::new("a", |_| async {
        nestling::current_cancelled().await;
        Err("not flushed".to_owned())
    });
    child.grace(9 * SECOND)
}

#[test]
fn a_failure_that_nothing_has_followed_is_an_error() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let supervision = world.supervisor().child(fails_at_the_end()).build().unwrap();
    let handle = supervision.handle();
    let ending = async move {
        handle.shutdown("enough");
        handle.finished().await;
    };
    let (result, ()) = executor.block_on(futures::future::join(supervision, ending));
    assert_eq!(
        result.unwrap_err().to_string(),
        "1 of 1 child failed: #0 a > #1: after cancel: not flushed"
    );
    drop(executor);
}

#[test]
fn finished_is_ready_when_all_children_are_gone_and_at_once_after_that() {
    let (_, world) = super::drive(
        |world| world.supervisor().child(world.child("a", &[Graceful(4)]).grace(9 * SECOND)),
        |world, handle| async move {
            world.sleep(1).await;
            handle.shutdown("enough");
            handle.finished().await;
            assert!(handle.is_finished());
            handle.finished().await;
            world.note("finished");
        },
    );
    assert_eq!(world.log()[2..], ["5 -a1", "5 finished"]);
}

#[test]
fn failures_of_a_supervisor_that_is_dropped_are_counted() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let child = world.child("a", &[Fail(1), Fail(1), RUN]);
    let supervision = world.supervisor().child(child).build().unwrap();
    let (clock, mut nursery) = (world.clock.clone(), Nursery::<'_, (), String>::new());
    nursery.spawn(async move {
        drop(futures::future::select(supervision, clock.sleep(5 * SECOND)).await);
        Err("gave up waiting".to_owned())
    });
    let error = executor.block_on(nursery.join()).unwrap_err();
    assert_eq!(error.first().lost_failures(), 2);
    drop(executor);
}

/// A value of a factory that panics when it is dropped, and says in which order.
struct Bomb(std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>, &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(self.1);
        panic!("bomb {}", self.1);
    }
}

/// Two children whose closures all panic when they are dropped.
fn bombs(
    world: &World,
) -> (Supervisor<'static, String>, std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>) {
    let log = std::sync::Arc::default();
    let mut supervisor = world.supervisor();
    for names in [["a", "decision of a", "backoff of a"], ["b", "decision of b", "backoff of b"]] {
        let [made, decided, delayed] = names.map(|name| Bomb(std::sync::Arc::clone(&log), name));
        let child = ChildSpec::new(names[0], move |_| {
            let _made = &made;
            std::future::pending()
        });
        let child = child.backoff(SECOND, move || {
            let _delayed = &delayed;
            [SECOND]
        });
        supervisor = supervisor.child(child.decide(move |_| {
            let _decided = &decided;
            nestling::supervise::Decision::Restart
        }));
    }
    (supervisor, log)
}

const ORDER: [&str; 6] =
    ["b", "decision of b", "backoff of b", "a", "decision of a", "backoff of a"];

#[test]
fn closures_that_panic_when_they_are_dropped_are_all_dropped_and_told() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let (supervisor, log) = bombs(&world);
    let supervision = supervisor.build().unwrap();
    supervision.handle().shutdown("enough");
    let error = executor.block_on(supervision).unwrap_err();
    assert_eq!(*log.lock().unwrap(), ORDER);
    assert_eq!(error.len(), 6);
    drop(executor);
}

#[test]
fn dropping_a_supervisor_with_closures_that_panic_panics_once() {
    let executor = Executor::new(1);
    let world = World::new(&executor);
    let (supervisor, log) = bombs(&world);
    let supervision = supervisor.build().unwrap();
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(supervision)));
    let message = *dropped.unwrap_err().downcast::<String>().unwrap();
    assert_eq!((message.as_str(), log.lock().unwrap().as_slice()), ("bomb b", &ORDER[..]));
    drop(executor);
}

#[test]
fn what_comes_after_a_supervisor_does_not_run_when_its_child_is_dropped() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let supervision = world.supervisor().child(world.child("a", &[RUN])).build().unwrap();
    let after = world.clone();
    let mut nursery: Nursery<'_, (), String> = Nursery::new();
    let handle = nursery.child().group().spawn_with_handle(async move {
        supervision.await?;
        after.note("after");
        Ok(())
    });
    cancel_after_5(&world, &mut nursery, handle);
    let report = executor.block_on(nursery.settle());
    assert_eq!((report.cancelled().len(), report.outputs().len()), (1, 1));
    drop(executor);
    assert_eq!(world.log(), ["0 +a1", "5 -a1"]);
}

/// Ready at once, and panics when it is dropped.
struct Late(Option<Bomb>);

impl Future for Late {
    type Output = Result<(), String>;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        assert!(self.0.is_some());
        std::task::Poll::Ready(Ok(()))
    }
}

#[test]
fn a_destructor_that_panics_after_a_success_is_a_failure_of_its_incarnation() {
    let log = std::sync::Arc::default();
    let bomb = move || Late(Some(Bomb(std::sync::Arc::clone(&log), "late")));
    let (result, _) = run(|world| {
        let child = ChildSpec::new("a", move |_| bomb());
        world.supervisor().child(child.restart(Restart::Transient))
    });
    assert_eq!(
        result.unwrap_err().to_string(),
        "1 of 1 child failed: #0 a > #1: panicked in the destructor: bomb late"
    );
}

#[test]
fn a_factory_that_panics_as_its_child_is_stopped_is_told() {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let failing =
        ChildSpec::new("a", |_| -> std::future::Ready<Result<(), String>> { panic!("not made") });
    let supervision = world.supervisor().build().unwrap();
    let handle = supervision.handle();
    drop((handle.add(failing), handle.stop("a"), handle.shutdown("enough")));
    drop(handle);
    let error = executor.block_on(supervision).unwrap_err();
    assert!(error.to_string().contains("not made"), "{error}");
    drop(executor);
}
