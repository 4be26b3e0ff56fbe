//! What meets a restart in flight, over many orders. Each test counts how often the two met, as it
//! would show nothing if they never did.

use std::cell::Cell;
use std::rc::Rc;

use nestling::outcome::CauseKind;
use nestling::supervise::{ChildSpec, Incarnation, RunState, Strategy};
use nestling::testing::{explore, reached, yields};

use super::{RUN, SECOND, Spec, World};

const SEEDS: u64 = 1_000;

/// What the tests are about.
const MET: &str = "the child has failed, and has not come back";

/// A child that fails after so many yields, and runs in each later incarnation.
fn fails_after(world: &World, polls: usize) -> Spec {
    let world = world.clone();
    ChildSpec::new("a", move |incarnation: Incarnation| {
        let world = world.clone();
        async move {
            world.note(format_args!("+a{}", incarnation.number()));
            let _run = super::Run { world: world.clone(), name: "a", number: incarnation.number() };
            if incarnation.number() > 1 {
                std::future::pending::<()>().await;
            }
            yields(polls).await;
            Err("no".to_owned())
        }
    })
}

/// Runs a supervisor whose child fails, beside `then`, in many orders.
fn meet<F>(strategy: Strategy, delay: u64, then: impl Fn(World, super::Handle, usize) -> F) -> u64
where
    F: Future<Output = ()>,
{
    let explored = explore(0..SEEDS, |run| {
        let (seed, mut executor) = (run.seed(), run.executor());
        let world = World::new(&executor);
        // A turn of the supervisor has several rounds, in each of which a child may yield.
        let (mine, theirs) = ((seed % 7) as usize * 8, (seed / 7 % 7) as usize);
        let child = fails_after(&world, mine);
        let child = child.backoff(60 * SECOND, move || [SECOND * delay as u32; 99]);
        let supervisor = world.supervisor().strategy(strategy).child(child);
        let supervision = supervisor.child(world.child("b", &[RUN])).build().unwrap();
        let handle = supervision.handle();
        let then = then(world.clone(), handle.clone(), theirs);
        let then = async move {
            then.await;
            world.sleep(100).await;
            handle.shutdown("the test is over");
        };
        let (result, ()) = executor.block_on(futures::future::join(supervision, then));
        if let Err(error) = result {
            // The child has failed as it was to stop for good.
            assert_eq!(error.cause().unwrap().kind(), CauseKind::Requested);
        }
        drop(executor);
    });
    explored.reached(MET)
}

/// Whether the child has failed, and has not come back.
fn is_between(handle: &super::Handle) -> bool {
    let child = handle.get("a").unwrap();
    child.last_failure().is_some() && child.state() != RunState::Running
}

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];

#[test]
fn nothing_restarts_after_a_stop_that_meets_a_restart() {
    for strategy in STRATEGIES {
        let met = meet(strategy, 1, |world, handle, polls| async move {
            yields(polls).await;
            reached!(MET, is_between(&handle));
            handle.stop("a").await.unwrap();
            let starts = world.log_of("+a").len();
            world.sleep(50).await;
            assert_eq!(handle.get("a").unwrap().state(), RunState::Down);
            assert_eq!(world.log_of("+a").len(), starts);
        });
        assert!(met > 100, "{met}");
    }
}

#[test]
fn nothing_restarts_after_a_remove_that_meets_a_restart() {
    for strategy in STRATEGIES {
        let met = meet(strategy, 1, |world, handle, polls| async move {
            yields(polls).await;
            reached!(MET, is_between(&handle));
            handle.remove("a").await.unwrap();
            let starts = world.log_of("+a").len();
            world.sleep(50).await;
            assert!(handle.get("a").is_none());
            assert_eq!(world.log_of("+a").len(), starts);
            assert_eq!(handle.get("b").unwrap().state(), RunState::Running);
        });
        assert!(met > 100, "{met}");
    }
}

#[test]
fn a_restart_by_hand_that_meets_one_starts_the_child_once() {
    for (strategy, delay) in STRATEGIES.into_iter().flat_map(|it| [(it, 0), (it, 1)]) {
        let met = meet(strategy, delay, |world, handle, polls| async move {
            yields(polls).await;
            // Without a delay it comes back at once.
            if is_between(&handle) {
                reached!(MET);
            }
            handle.restart("a").await.unwrap();
            world.sleep(50).await;
            // Its own failure, the restart by hand, or both, each after the other.
            let child = handle.get("a").unwrap();
            assert_eq!(child.state(), RunState::Running);
            assert!(child.incarnation() <= 3, "{child:?}");
            // Each incarnation is gone before the next starts.
            assert_eq!(world.log_of("-a").len() as u64 + 1, child.incarnation());
            for (at, line) in world.log().iter().filter(|line| line.contains('a')).enumerate() {
                assert_eq!(line.contains('+'), at % 2 == 0, "{:?}", world.log());
            }
        });
        assert!(delay == 0 || met > 100, "{met}");
    }
}

#[test]
fn a_shutdown_that_meets_a_restart_leaves_nothing_alive() {
    for strategy in STRATEGIES {
        let met = meet(strategy, 1, |world, handle, polls| async move {
            yields(polls).await;
            reached!(MET, is_between(&handle));
            handle.shutdown("enough");
            while !handle.is_finished() {
                yields(1).await;
            }
            let starts = world.log_of("+a").len();
            world.sleep(50).await;
            assert_eq!(world.log_of("+a").len(), starts);
        });
        assert!(met > 100, "{met}");
    }
}

#[test]
fn the_end_of_an_incarnation_that_was_told_to_stop_does_not_touch_the_next() {
    // `a` fails at about the time at which it is restarted by hand: one of the two ends it.
    let restarted = Rc::new(Cell::new(0));
    let both = Rc::clone(&restarted);
    meet(Strategy::OneForOne, 0, move |world, handle, polls| {
        let both = Rc::clone(&both);
        async move {
            yields(polls).await;
            handle.restart("a").await.unwrap();
            world.sleep(50).await;
            let child = handle.get("a").unwrap();
            assert_eq!(child.state(), RunState::Running);
            both.set(both.get() + usize::from(child.last_failure().is_some()));
        }
    });
    // Both ways came, so the two were close.
    let restarted = restarted.get();
    assert!(100 < restarted && restarted < SEEDS as usize - 100, "{restarted}");
}
