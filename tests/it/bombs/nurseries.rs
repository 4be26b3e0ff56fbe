//! All that a nursery is given, and each way that it goes.

use std::future::{pending, ready};
use std::panic::panic_any;
use std::task::Poll;

use nestling::{JoinedError, Nursery, Report};

use super::{Around, Bomb, Bombs, by_one_and_two, discard, ends_holding, waits_holding};
use crate::support::{Task, guarded};

type Children = Nursery<'static, Bomb, Bomb>;

/// What is a bomb.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A future that is pending.
    Parked,
    /// One that returns an output.
    Ended,
    Output,
    Error,
    Payload,
    /// Two errors of a nested nursery.
    Group,
    /// The output of a child that nothing waits for: its handle is gone.
    Untaken,
    Timeout,
    ChildGrace,
    Deadline,
    Grace,
    Policy,
}

use Kind::*;

const KINDS: [Kind; 12] = [
    Parked, Ended, Output, Error, Payload, Group, Untaken, Timeout, ChildGrace, Deadline, Grace,
    Policy,
];

impl Kind {
    /// What it leaves in the report of a nursery that is cancelled once all have started.
    fn leaves(self) -> (usize, usize) {
        match self {
            Output => (1, 0),
            Ended => (1, 1),
            _ => (0, 1),
        }
    }
}

/// A nursery with these, and behind them a child that is pending.
fn nursery(bombs: &Bombs, kinds: &[Kind]) -> Children {
    let mut nursery = Children::new();
    for kind in kinds {
        let bomb = bombs.bomb(&format!("{kind:?}"));
        match kind {
            Parked => {
                nursery.spawn(waits_holding(bomb));
            }
            Ended => {
                nursery.spawn(ends_holding(bomb, Ok(bombs.dud())));
            }
            Output => {
                nursery.spawn(ready(Ok(bomb)));
            }
            Error => {
                nursery.spawn(ready(Err(bomb)));
            }
            Payload => {
                nursery.spawn(async { panic_any(bomb) });
            }
            Group => {
                // Made there: a future of two bombs would be one that aborts by itself.
                let bombs = bombs.clone();
                nursery.spawn_group(async move {
                    let mut inner = Children::new();
                    inner.spawn(ready(Err(bomb)));
                    inner.spawn(ready(Err(bombs.bomb("another of the group"))));
                    inner.join().await.map(|_| unreachable!("both fail"))
                });
            }
            Untaken => drop(nursery.spawn_join(ready(Ok(bomb)))),
            Timeout => {
                nursery.child().timeout(move || waits_holding::<()>(bomb)).spawn(pending());
            }
            ChildGrace => {
                nursery.child().grace(move || ends_holding(bomb, ())).spawn(pending());
            }
            Deadline => nursery = nursery.deadline(waits_holding::<()>(bomb)),
            Grace => nursery = nursery.grace(move || ends_holding(bomb, ())),
            Policy => {
                nursery = nursery.cancel_when(move |_| {
                    let _held = &bomb;
                    false
                });
            }
        }
    }
    nursery.spawn(pending());
    nursery
}

/// Calls `check` with each nursery.
fn with_each(check: impl Fn(Children, &Bombs, &str) + Send + 'static) {
    guarded(move || {
        for kinds in by_one_and_two(&KINDS) {
            // The first of two policies is dropped by the caller.
            if kinds != [Policy, Policy] {
                let bombs = Bombs::default();
                check(nursery(&bombs, &kinds), &bombs, &format!("{kinds:?}"));
            }
        }
    });
}

#[test]
fn a_nursery_that_is_dropped_before_it_is_polled_leaves_none() {
    for around in Around::ALL {
        with_each(move |nursery, bombs, context| {
            around.drop(nursery, bombs, context);
        });
    }
}

#[test]
fn a_join_that_is_dropped_leaves_none() {
    for around in Around::ALL {
        with_each(move |nursery, bombs, context| {
            let mut join = Task::new(nursery.join());
            assert!(join.run().is_pending());
            around.drop(join, bombs, context);
        });
    }
}

#[test]
fn a_nursery_that_is_dropped_with_ends_in_it_leaves_none() {
    for around in Around::ALL {
        with_each(move |nursery, bombs, context| {
            let mut nursery = nursery.limit(1);
            {
                // The owner waits, so ends are kept; and one more child is in the inbox.
                let mut waiting = Task::new(nursery.reserve());
                assert!(waiting.run().is_pending());
            }
            let _ = nursery.spawner().spawn(waits_holding(bombs.bomb("in the inbox")));
            around.drop(nursery, bombs, context);
        });
    }
}

#[test]
fn a_run_that_is_dropped_leaves_none() {
    for around in Around::ALL {
        for ended in [false, true] {
            with_each(move |nursery, bombs, context| {
                let own = bombs.clone();
                let body = (!ended).then(|| waits_holding::<()>(bombs.bomb("the body")));
                let mut run = Task::new(nursery.run(|_| async move {
                    if let Some(body) = body {
                        body.await;
                    }
                    Ok(own.bomb("the output"))
                }));
                assert!(run.run().is_pending());
                around.drop(run, bombs, context);
            });
        }
    }
}

#[test]
fn a_race_that_is_dropped_leaves_none() {
    for around in Around::ALL {
        with_each(move |nursery, bombs, context| {
            let mut race = Task::new(nursery.first_ok());
            match race.run() {
                Poll::Ready(won) => {
                    discard(won.expect("a success goes before failures"));
                    bombs.assert_all_gone(context);
                }
                Poll::Pending => around.drop(race, bombs, context),
            }
        });
    }
}

#[test]
fn a_race_with_a_winner_loses_nothing_to_its_losers() {
    with_each(|nursery, bombs, context| {
        let mut nursery = nursery;
        nursery.spawn(ready(Ok(bombs.dud())));
        let Poll::Ready(Ok(Some(winner))) = Task::new(nursery.first_ok()).run() else {
            panic!("{context}: the winner is lost")
        };
        discard([winner]);
        bombs.assert_all_gone(context);
    });
}

#[test]
fn a_cancelled_nursery_reports_each() {
    for started in [true, false] {
        with_each(move |nursery, bombs, context| {
            let report = cancelled(nursery, started);
            let kinds = KINDS.iter().map(|kind| {
                let count = context.matches(&format!("{kind:?}")).count();
                let twice = usize::from(*kind == Grace) * context.matches("ChildGrace").count();
                (count - twice, kind.leaves())
            });
            let (outputs, failures) = kinds.fold((0, 0), |(outputs, failures), (count, leaves)| {
                (outputs + count * leaves.0, failures + count * leaves.1)
            });
            let seen = (report.outputs().len(), report.error().map_or(0, JoinedError::len));
            if started {
                assert_eq!(seen, (outputs, failures), "{context}: {report}");
            }
            let (outputs, error, _) = report.into_parts();
            discard(outputs);
            discard(error);
            bombs.assert_all_gone(context);
        });
    }
}

fn cancelled(nursery: Children, started: bool) -> Report<Bomb, Bomb> {
    let mut nursery = nursery;
    let spawner = nursery.spawner();
    if !started {
        nursery.cancel_with("before it has started");
    }
    let mut settle = Task::new(nursery.settle());
    if started {
        assert!(settle.run().is_pending());
        spawner.cancel_with("when it has started");
    }
    match settle.run() {
        Poll::Ready(report) => report,
        Poll::Pending => panic!("nothing is left to wait for"),
    }
}

#[test]
fn a_nursery_that_keeps_neither_outputs_nor_errors_ends() {
    for waits in [false, true] {
        with_each(move |nursery, bombs, context| {
            let mut nursery = nursery.discard_outputs().keep_failures(1).limit(1);
            if waits {
                let mut waiting = Task::new(nursery.reserve());
                assert!(waiting.run().is_pending());
            }
            let (outputs, error, _) = cancelled(nursery, true).into_parts();
            assert!(outputs.is_empty());
            discard(error);
            bombs.assert_all_gone(context);
        });
    }
}
