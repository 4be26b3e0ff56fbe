//! All that a pool is given, on its own task and on an executor, and each way that it goes.

use std::future::ready;
use std::panic::panic_any;
use std::task::Poll;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::task::{Spawn, SpawnError};
use nestling::spawn::Task as Remote;
use nestling::{CancelHandle, JoinedError, Pool, Report};

use super::{
    Around, Bomb, Bombs, by_one_and_two, discard, ends_holding, panic_of, waits_holding,
    while_panicking,
};
use crate::remote::ByHand;
use crate::support::{Task, guarded};

/// What is a bomb.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The future of an item, which is pending.
    Parked,
    /// The future of an item that returns an output.
    Ended,
    Output,
    Error,
    Payload,
    /// An item that no lane has.
    Item,
    Closure,
    Source,
    Policy,
    Progress,
    /// The executor, and each copy of it.
    Executor,
}

use Kind::*;

const KINDS: [Kind; 11] =
    [Parked, Ended, Output, Error, Payload, Item, Closure, Source, Policy, Progress, Executor];

/// Those that come with items.
const OF_ITEMS: [Kind; 6] = [Parked, Ended, Output, Error, Payload, Item];

/// The others.
const OF_POOLS: [Kind; 5] = [Closure, Source, Policy, Progress, Executor];

/// An item; its kind is `None` if it is pending and no bomb.
struct Job {
    kind: Option<Kind>,
    bomb: Bomb,
    bombs: Bombs,
}

impl Job {
    fn run(self) -> BoxFuture<'static, Result<Bomb, Bomb>> {
        let Self { kind, bomb, bombs } = self;
        match kind {
            Some(Ended) => ends_holding(bomb, Ok(bombs.dud())).boxed(),
            Some(Output) => ready(Ok(bomb)).boxed(),
            Some(Error) => ready(Err(bomb)).boxed(),
            Some(Payload) => async { panic_any(bomb) }.boxed(),
            _ => waits_holding(bomb).boxed(),
        }
    }
}

/// What tasks are handed to. Each copy is a bomb if this one is.
struct Far {
    tasks: ByHand,
    bomb: Option<Bomb>,
    bombs: Bombs,
}

impl Clone for Far {
    fn clone(&self) -> Self {
        let bomb = self.bomb.is_some().then(|| self.bombs.bomb("a copy"));
        Self { tasks: self.tasks.clone(), bomb, bombs: self.bombs.clone() }
    }
}

impl Spawn for Far {
    fn spawn_obj(&self, task: Remote) -> Result<(), SpawnError> {
        self.tasks.spawn_obj(task)
    }
}

/// A pool of one lane for each future, and one more for one that is pending.
struct Given {
    pool: Pool<'static, Bomb>,
    items: Box<dyn Iterator<Item = Job> + Send>,
    closure: Option<Bomb>,
    far: Far,
}

fn given(bombs: &Bombs, kinds: &[Kind], place: Place) -> Given {
    let bomb = |kind| kinds.contains(&kind).then(|| bombs.bomb(&format!("{kind:?}")));
    let job = |kind: Option<Kind>| {
        let bomb = match kind {
            Some(kind) => bombs.bomb(&format!("{kind:?}")),
            None => bombs.dud(),
        };
        Job { kind, bomb, bombs: bombs.clone() }
    };
    let of_items = kinds.iter().filter(|kind| OF_ITEMS.contains(kind) && **kind != Item);
    let mut items: Vec<_> = of_items.map(|kind| job(Some(*kind))).collect();
    items.insert(0, job(None));
    let limit = items.len();
    let waiting = kinds.iter().filter(|kind| **kind == Item).count();
    if waiting > 0 && place == Place::Here {
        // A lane that is free takes one of these, which is pending. On an executor there is a
        // queue.
        items.extend((0..limit).map(|_| job(None)));
    }
    items.extend((0..waiting).map(|_| job(Some(Item))));
    let (policy, progress, source) = (bomb(Policy), bomb(Progress), bomb(Source));
    let pool = Pool::new(limit)
        .cancel_when(move |_| {
            let _held = &policy;
            false
        })
        .on_progress(move |_| {
            let _held = &progress;
        });
    let items = items.into_iter().inspect(move |_| {
        let _held = &source;
    });
    let far = Far { tasks: ByHand::default(), bomb: bomb(Executor), bombs: bombs.clone() };
    Given { pool, items: Box::new(items), closure: bomb(Closure), far }
}

/// Where items run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Here,
    There,
}

type Running = BoxFuture<'static, Report<Bomb, Bomb>>;

impl Given {
    /// The run, and what handles the tasks of the executor.
    fn start(self, place: Place) -> (Running, ByHand, CancelHandle) {
        let Self { pool, items, closure, far } = self;
        let (tasks, handle) = (far.tasks.clone(), pool.cancel_handle());
        let make = move |job: Job| {
            let _held = &closure;
            job.run()
        };
        let run = match place {
            Place::Here => {
                drop(panic_of(|| drop(far)));
                pool.map(items, make).settle().boxed()
            }
            Place::There => pool.on(far).map(items, make).settle().boxed(),
        };
        (run, tasks, handle)
    }
}

/// Calls `check` with each pool of one and two of these.
fn with_each(kinds: &'static [Kind], check: impl Fn(Given, Place, &Bombs, &str) + Send + 'static) {
    guarded(move || {
        for kinds in by_one_and_two(kinds) {
            for place in [Place::Here, Place::There] {
                // The iterator of the standard library drops its items by itself.
                let by_source = place == Place::Here && kinds.contains(&Item);
                let by_source = by_source && (kinds == [Item, Item] || kinds.contains(&Source));
                if by_source || place == Place::Here && kinds.contains(&Executor) {
                    continue;
                }
                let bombs = Bombs::default();
                check(
                    given(&bombs, &kinds, place),
                    place,
                    &bombs,
                    &format!("{kinds:?}, {place:?}"),
                );
            }
        }
    });
}

#[test]
fn a_pool_that_is_dropped_before_it_is_polled_leaves_none() {
    for around in Around::ALL {
        // Items are dropped by the source.
        with_each(&OF_POOLS, move |given, place, bombs, context| {
            around.drop(given.start(place).0, bombs, context);
        });
    }
}

#[test]
fn a_pool_that_is_dropped_leaves_none() {
    for around in Around::ALL {
        for taken in [false, true] {
            with_each(&KINDS, move |given, place, bombs, context| {
                let (run, tasks, _) = given.start(place);
                let mut run = Task::new(run);
                assert!(run.run().is_pending());
                tasks.poll();
                if taken {
                    // What has ended is no more on the board.
                    assert!(run.run().is_pending());
                }
                match around {
                    Around::Nothing => drop(panic_of(|| drop(run))),
                    Around::Panic => while_panicking(|| drop(run)),
                }
                // What runs over there was told to go.
                tasks.poll();
                bombs.assert_all_gone(context);
            });
        }
    }
}

#[test]
fn a_cancelled_pool_reports_each() {
    for started in [true, false] {
        with_each(&KINDS, move |given, place, bombs, context| {
            let (run, tasks, handle) = given.start(place);
            let mut run = Task::new(run);
            assert!(run.run().is_pending());
            if started {
                tasks.poll();
                assert!(run.run().is_pending());
            }
            handle.cancel();
            let report = (0..9).find_map(|_| match run.run() {
                Poll::Ready(report) => Some(report),
                Poll::Pending => {
                    tasks.poll();
                    None
                }
            });
            let report = report.unwrap_or_else(|| panic!("{context}: it has not ended"));
            if started || place == Place::Here {
                let count = |kind: Kind| context.matches(&format!("{kind:?}")).count();
                assert_eq!(report.outputs().len(), count(Output) + count(Ended), "{context}");
                // Two of a kind that is given once are one, and each copy of an executor counts.
                let failures = KINDS.iter().filter(|kind| **kind != Output && count(**kind) > 0);
                let seen = report.error().map_or(0, JoinedError::len);
                assert!(seen >= failures.count(), "{context}: {report}");
            }
            let (outputs, error, _) = report.into_parts();
            discard(outputs);
            discard(error);
            drop(run);
            bombs.assert_all_gone(context);
        });
    }
}
