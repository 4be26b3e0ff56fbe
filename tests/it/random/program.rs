//! Runs a program.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use nestling::{CancelHandle, JoinedError, Nursery, Spawner};

use super::script::{EVENTS, End, Finish, Plan, Script, Step};
use super::seen::Seen;
use crate::support::{Count, Live, yields};

#[derive(Default)]
pub(super) struct World {
    pub(super) events: [Event; EVENTS],
    handles: Mutex<Vec<CancelHandle>>,
    /// Futures that have not been dropped.
    pub(super) live: Count,
}

#[derive(Default)]
pub(super) struct Event {
    come: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Event {
    pub(super) fn fire(&self) {
        self.come.store(true, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            // Registered first: a wake between the two is not missed.
            self.wakers.lock().unwrap().push(cx.waker().clone());
            if self.come.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl World {
    pub(super) fn cancel(&self, at: usize) {
        let handle = {
            let handles = self.handles.lock().unwrap();
            handles.get(at % handles.len().max(1)).cloned()
        };
        if let Some(handle) = handle {
            handle.cancel();
        }
    }
}

type Output = Result<usize, JoinedError<usize>>;
type Siblings = Spawner<'static, usize, usize>;

/// What the children of one nursery say of themselves; the number of a child is its place.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) ends: Mutex<Vec<Option<End>>>,
    /// The numbers of those who have ended, in that order.
    pub(super) order: Mutex<Vec<usize>>,
    /// Those that the nursery has taken.
    pub(super) accepted: Count,
    pub(super) running: Count,
    most: Count,
}

/// The surroundings of a child.
#[derive(Clone)]
pub(super) struct Here {
    world: Arc<World>,
    ledger: Arc<Ledger>,
    siblings: Siblings,
}

impl Here {
    /// A child that fails with its number, or with the nursery in it.
    fn child(&self, script: &Script) -> BoxFuture<'static, Output> {
        self.body(script, self.number())
    }

    /// A child that fails with its number in any case.
    fn plain(&self, script: &Script) -> BoxFuture<'static, Result<usize, usize>> {
        let number = self.number();
        let child = self.body(script, number);
        Box::pin(async move { child.await.map_err(|_| number) })
    }

    fn number(&self) -> usize {
        let mut ends = self.ledger.ends.lock().unwrap();
        ends.push(None);
        ends.len() - 1
    }

    fn body(&self, script: &Script, number: usize) -> BoxFuture<'static, Output> {
        let (here, script) = (self.clone(), script.clone());
        let live = Live::new(&self.world.live);
        Box::pin(async move {
            let _live = live;
            let slot = Slot::take(&here.ledger);
            let mut failed = None;
            for step in &script.steps {
                if let Some(error) = here.step(step).await {
                    failed = Some(error);
                    break;
                }
            }
            let end = if failed.is_some() { End::Err } else { script.end };
            let before = here.ledger.ends.lock().unwrap()[number].replace(end);
            assert_eq!(before, None, "a child has two ends");
            here.ledger.order.lock().unwrap().push(number);
            drop(slot);
            match (failed, end) {
                (Some(error), _) => Err(error),
                (None, End::Ok) => Ok(number),
                (None, End::Err) => Err(number.into()),
                (None, End::Panic) => std::panic::panic_any(number),
            }
        })
    }

    async fn step(&self, step: &Step) -> Option<JoinedError<usize>> {
        match step {
            Step::Yield(times) => yields(*times).await,
            Step::Await(event) => self.world.events[*event].wait().await,
            Step::Spawn(script) => self.spawn(script),
            Step::TrySpawn(script) => {
                // One that is not taken is dropped, and has said nothing.
                self.accept(self.siblings.try_spawn(self.plain(script)).is_ok());
            }
            Step::Cancel(at) => self.world.cancel(*at),
            Step::CancelAll => drop(self.siblings.cancel("by a child")),
            Step::Nest(plan) => return run(&self.world, plan).await,
        }
        None
    }

    pub(super) fn spawn(&self, script: &Script) {
        let spawned = if script.handle {
            self.siblings.child().spawn_group_with_handle(self.child(script)).map(Some)
        } else {
            self.siblings.spawn_group(self.child(script)).map(|_| None)
        };
        self.accept(spawned.is_ok());
        self.world.handles.lock().unwrap().extend(spawned.ok().flatten());
    }

    fn accept(&self, taken: bool) {
        if taken {
            self.ledger.accepted.add();
        }
    }
}

/// Counts who runs; the one who ends says so before the nursery can know.
struct Slot(Arc<Ledger>);

impl Slot {
    fn take(ledger: &Arc<Ledger>) -> Self {
        ledger.most.at_least(ledger.running.add());
        Self(Arc::clone(ledger))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.running.remove();
    }
}

/// Runs a nursery to its end and compares what it reports with what its children say.
fn run(world: &Arc<World>, plan: &Plan) -> BoxFuture<'static, Option<JoinedError<usize>>> {
    let (nursery, here) = prepare(world, plan);
    Box::pin(finish(nursery, here, plan.clone()))
}

pub(super) fn prepare(world: &Arc<World>, plan: &Plan) -> (Nursery<'static, usize, usize>, Here) {
    let mut nursery = Nursery::new().limit(plan.limit);
    if plan.first_error {
        nursery = nursery.first_error();
    }
    let here =
        Here { world: Arc::clone(world), ledger: Arc::default(), siblings: nursery.spawner() };
    (nursery, here)
}

pub(super) async fn finish(
    mut nursery: Nursery<'static, usize, usize>,
    here: Here,
    plan: Plan,
) -> Option<JoinedError<usize>> {
    let by_owner = matches!(plan.finish, Finish::WhenFree | Finish::WhenFreeThenNext);
    for script in &plan.children {
        if by_owner {
            nursery.spawn_when_free(here.plain(script)).await;
            here.accept(true);
        } else {
            here.spawn(script);
        }
    }
    let mut seen = Seen::default();
    let error = match plan.finish {
        Finish::Next | Finish::WhenFreeThenNext => {
            while let Some(completion) = nursery.next().await {
                seen.next(completion);
            }
            None
        }
        Finish::FickleNext => {
            while let Some(completion) = poll_fn(|cx| nursery.next().poll_unpin(cx)).await {
                seen.next(completion);
            }
            None
        }
        Finish::Settle | Finish::WhenFree => {
            let report = nursery.settle().await;
            seen.report(report)
        }
        Finish::Run(script) => {
            let body = here.clone();
            let body = move |_: Siblings| async move {
                for step in &script.steps {
                    if let Step::Spawn(script) = step {
                        // A nursery that is cancelled gives the child back.
                        let spawned = body.siblings.spawn_when_free(body.plain(script)).await;
                        body.accept(spawned.is_ok());
                    } else if body.step(step).await.is_some() {
                        break;
                    }
                }
                Ok(())
            };
            let (_, report) = nursery.run(body).settle().await;
            seen.report(report)
        }
    };
    seen.compare(&here.ledger);
    assert!(here.ledger.most.get() <= plan.limit, "more ran at once than the limit allows");
    error
}
