//! Where the runtime gives a task a few operations a turn, all get some, as another goes first each
//! time.
//!
//! The runtime is made up: each poll of the root has a budget of operations, as a task of tokio's
//! has. A party that finds nothing left makes no progress, and wakes itself.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use nestling::{Nursery, Pool};
use proptest::collection::vec;
use proptest::prelude::*;

use super::board::{Board, Pace};
use crate::support::{Task, guarded, random_cases};

/// Several times the longest bound.
const TURNS: usize = 1_500;

type Done = Result<(), &'static str>;

thread_local! {
    /// What is left of the runtime's budget in this turn.
    static LEFT: Cell<usize> = const { Cell::new(0) };
    /// Tasks that found nothing left, and are woken when the turn is over.
    static DEFERRED: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// What the runtime does.
#[derive(Clone, Copy, Debug)]
struct Runtime {
    /// The operations of a turn.
    budget: usize,
    /// A party takes all that is left, and not one operation.
    greedy: bool,
    /// Wakes come when the turn is over, as tokio's do.
    defers: bool,
}

impl Runtime {
    /// Takes an operation, or all; says whether there was one.
    fn take(self) -> bool {
        let left = LEFT.get();
        LEFT.set(if self.greedy { 0 } else { left.saturating_sub(1) });
        left > 0
    }

    fn wake(self, cx: &Context<'_>) {
        if self.defers {
            DEFERRED.with_borrow_mut(|deferred| deferred.push(cx.waker().clone()));
        } else {
            cx.waker().wake_by_ref();
        }
    }
}

/// How a nest is driven.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Join,
    Run,
    Pool,
}

#[derive(Clone, Debug)]
struct Nest {
    form: Form,
    children: usize,
    nests: Vec<Nest>,
    /// Whether it has a deadline, which is woken every few turns, and never passes.
    deadline: bool,
}

impl Nest {
    /// In how many turns each party goes first, where this nest itself goes first.
    ///
    /// Of `n` children that are always ready another goes first in each turn. With a body, children
    /// go first in one turn of three: the kinds are three, and new children stand back where there
    /// are none. The first turns are those in which all start.
    fn lead(&self) -> usize {
        let children = self.children + self.nests.len();
        let turns = if self.form == Form::Run { 3 * (children + 1) } else { children };
        turns + 3
    }

    fn run(&self, board: &Board, runtime: Runtime, outer: usize) -> BoxFuture<'static, Done> {
        let bound = outer * self.lead();
        let greedy = |name| {
            let party = board.seat(name, bound, Pace::Busy, true);
            poll_fn(move |cx| -> Poll<Done> {
                if runtime.take() {
                    party.served();
                    party.waits();
                }
                runtime.wake(cx);
                Poll::Pending
            })
        };
        let children = (0..self.children).map(|_| greedy("a greedy child").boxed());
        let nests = self.nests.iter().map(|nest| nest.run(board, runtime, bound));
        // A nest is neither the first nor the last in all runs.
        let mut members: Vec<_> = nests.chain(children).collect();
        members.rotate_left(self.nests.len() / 2);
        if self.form == Form::Pool {
            let pool = Pool::<&'static str>::new(members.len());
            return pool.for_each(members, |item| item).map(|_| Ok(())).boxed();
        }
        let mut nursery = Nursery::<(), &str>::new();
        if self.deadline {
            let party = board.seat("a deadline", bound, Pace::Parked(7), false);
            nursery = nursery.deadline(poll_fn(move |cx| -> Poll<()> {
                // It uses nothing up: whatever it takes, others do without.
                if LEFT.get() > 0 {
                    party.served();
                    party.pause(cx);
                } else {
                    runtime.wake(cx);
                }
                Poll::Pending
            }));
        }
        for member in members {
            nursery.spawn(member);
        }
        match self.form {
            Form::Run => {
                let body = greedy("a greedy body");
                nursery.run(|_| body).map(|_| Ok(())).boxed()
            }
            Form::Join | Form::Pool => nursery.join().map(|_| Ok(())).boxed(),
        }
    }
}

fn nest(nests: BoxedStrategy<Vec<Nest>>) -> impl Strategy<Value = Nest> {
    let form = prop_oneof![Just(Form::Join), Just(Form::Run), Just(Form::Pool)];
    (form, 1..5_usize, nests, any::<bool>()).prop_map(|(form, children, nests, deadline)| Nest {
        form,
        children,
        nests,
        deadline,
    })
}

fn nests() -> impl Strategy<Value = Nest> {
    nest(vec(nest(Just(Vec::new()).boxed()), 0..3).boxed())
}

fn wide() -> impl Strategy<Value = Nest> {
    (nest(Just(Vec::new()).boxed()), 60..300_usize)
        .prop_map(|(nest, children)| Nest { children, ..nest })
}

fn runtime() -> impl Strategy<Value = Runtime> {
    (1..4_usize, any::<bool>(), any::<bool>()).prop_map(|(budget, greedy, defers)| Runtime {
        budget,
        greedy,
        defers,
    })
}

/// Polls a run by hand, and looks at all parties after each turn.
fn check(nest: &Nest, runtime: Runtime) -> Result<(), String> {
    let board = Board::default();
    let mut run = Task::new(nest.run(&board, runtime, 1));
    for turn in 0..TURNS {
        board.begin_turn(false);
        LEFT.set(runtime.budget);
        let before = run.wakes();
        if run.poll().is_ready() {
            return Err(format!("in turn {turn}: the run has ended"));
        }
        for waker in DEFERRED.take() {
            waker.wake();
        }
        if run.wakes() == before {
            return Err(format!("in turn {turn}: the run rests"));
        }
        board.end_poll()?;
        board.end_turn()?;
    }
    Ok(())
}

#[test]
fn all_in_nests_make_progress_within_their_bound() {
    guarded(|| {
        proptest!(random_cases(60), |(nest in nests(), runtime in runtime())| {
            prop_assert_eq!(check(&nest, runtime), Ok(()));
        });
    });
}

#[test]
fn all_of_many_make_progress_within_their_bound() {
    guarded(|| {
        proptest!(random_cases(20), |(nest in wide(), runtime in runtime())| {
            prop_assert_eq!(check(&nest, runtime), Ok(()));
        });
    });
}
