//! Random programs: whatever children do, every one has its end, and each end is reported once.
//!
//! The task is polled only when it was woken, so a wake that is lost leaves a run that does not end.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use nestling::{CancelHandle, Completion, Failure, JoinedError, Nursery, Outcome, Spawner};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Count, Live, Task, yields};

const EVENTS: usize = 4;

/// What one child does, step by step, and how it ends.
#[derive(Clone, Debug)]
struct Script {
    steps: Vec<Step>,
    end: End,
    handle: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Yield(usize),
    /// Parks until the event has come.
    Await(usize),
    /// Spawns a sibling.
    Spawn(Script),
    /// Spawns a sibling where there is room.
    TrySpawn(Script),
    /// Runs a nursery of its own, and fails with it.
    Nest(Box<Plan>),
    /// Cancels one of those that have a handle.
    Cancel(usize),
    /// Cancels its nursery.
    CancelAll,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Ok,
    Err,
    Panic,
}

/// One nursery.
#[derive(Clone, Debug)]
struct Plan {
    limit: usize,
    first_error: bool,
    finish: Finish,
    children: Vec<Script>,
}

#[derive(Clone, Debug)]
enum Finish {
    Settle,
    Next,
    /// As `Next`, but each future that is pending is dropped, and another made when that was woken.
    FickleNext,
    /// The body waits for a slot for each child that it spawns.
    Run(Script),
    /// The children are spawned one after the other, as there is room.
    WhenFree,
}

/// What happens outside while the task rests.
#[derive(Clone, Debug)]
enum Outside {
    Fire(usize),
    Cancel(usize),
    Spawn(Script),
}

fn step(depth: u32) -> BoxedStrategy<Step> {
    let flat = prop_oneof![
        3 => prop_oneof![0..4_usize, Just(130), Just(300)].prop_map(Step::Yield),
        5 => (0..EVENTS).prop_map(Step::Await),
        1 => (0..8_usize).prop_map(Step::Cancel),
    ];
    if depth == 0 {
        return flat.boxed();
    }
    prop_oneof![
        9 => flat,
        2 => script(depth - 1).prop_map(Step::Spawn),
        1 => script(depth - 1).prop_map(Step::TrySpawn),
        2 => plan(depth - 1).prop_map(|plan| Step::Nest(Box::new(plan))),
        1 => Just(Step::CancelAll),
    ]
    .boxed()
}

fn script(depth: u32) -> BoxedStrategy<Script> {
    let end = prop_oneof![3 => Just(End::Ok), 2 => Just(End::Err), 1 => Just(End::Panic)];
    (vec(step(depth), 0..4), end, any::<bool>())
        .prop_map(|(steps, end, handle)| Script { steps, end, handle })
        .boxed()
}

fn plan(depth: u32) -> BoxedStrategy<Plan> {
    let limit = prop_oneof![1 => 1..4_usize, 1 => Just(usize::MAX)];
    let finish = prop_oneof![
        3 => Just(Finish::Settle),
        1 => Just(Finish::Next),
        1 => Just(Finish::FickleNext),
        1 => Just(Finish::WhenFree),
        2 => script(depth).prop_map(Finish::Run),
    ];
    (limit, prop::bool::weighted(0.2), finish, vec(script(depth), 0..5))
        .prop_map(|(limit, first_error, finish, children)| Plan {
            limit,
            first_error,
            finish,
            children,
        })
        .boxed()
}

fn outside() -> impl Strategy<Value = Outside> {
    prop_oneof![
        5 => (0..EVENTS).prop_map(Outside::Fire),
        1 => (0..8_usize).prop_map(Outside::Cancel),
        1 => script(1).prop_map(Outside::Spawn),
    ]
}

#[derive(Default)]
struct World {
    events: [Event; EVENTS],
    handles: Mutex<Vec<CancelHandle>>,
    /// Futures that have not been dropped.
    live: Count,
}

#[derive(Default)]
struct Event {
    come: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Event {
    fn fire(&self) {
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
    fn cancel(&self, at: usize) {
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
struct Ledger {
    ends: Mutex<Vec<Option<End>>>,
    running: Count,
    most: Count,
}

/// The surroundings of a child.
#[derive(Clone)]
struct Here {
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
                let _ = self.siblings.try_spawn(self.plain(script));
            }
            Step::Cancel(at) => self.world.cancel(*at),
            Step::CancelAll => drop(self.siblings.cancel("by a child")),
            Step::Nest(plan) => return run(&self.world, plan).await,
        }
        None
    }

    fn spawn(&self, script: &Script) {
        let spawned = if script.handle {
            self.siblings.child().spawn_group_with_handle(self.child(script)).map(Some)
        } else {
            self.siblings.spawn_group(self.child(script)).map(|_| None)
        };
        self.world.handles.lock().unwrap().extend(spawned.ok().flatten());
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

fn prepare(world: &Arc<World>, plan: &Plan) -> (Nursery<'static, usize, usize>, Here) {
    let mut nursery = Nursery::new().limit(plan.limit);
    if plan.first_error {
        nursery = nursery.first_error();
    }
    let here =
        Here { world: Arc::clone(world), ledger: Arc::default(), siblings: nursery.spawner() };
    (nursery, here)
}

async fn finish(
    mut nursery: Nursery<'static, usize, usize>,
    here: Here,
    plan: Plan,
) -> Option<JoinedError<usize>> {
    let by_owner = matches!(plan.finish, Finish::WhenFree);
    for script in &plan.children {
        if by_owner {
            nursery.spawn_when_free(here.plain(script)).await;
        } else {
            here.spawn(script);
        }
    }
    let mut seen = Seen::default();
    let error = match plan.finish {
        Finish::Next => {
            while let Some(completion) = nursery.next().await {
                seen.add(completion);
            }
            None
        }
        Finish::FickleNext => {
            while let Some(completion) = poll_fn(|cx| nursery.next().poll_unpin(cx)).await {
                seen.add(completion);
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
                        let _ = body.siblings.spawn_when_free(body.plain(script)).await;
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

/// What the nursery says of its children.
#[derive(Default)]
struct Seen {
    ends: Vec<(usize, End)>,
    groups: usize,
    cancelled: usize,
}

impl Seen {
    fn add(&mut self, completion: Completion<usize, usize>) {
        match completion.into_outcome() {
            Outcome::Completed(number) => self.ends.push((number, End::Ok)),
            Outcome::Failed(error) => self.fail(&error),
            Outcome::Cancelled(_) => self.cancelled += 1,
            _ => unreachable!("there is no other outcome"),
        }
    }

    fn fail(&mut self, error: &nestling::ChildError<usize>) {
        match error.failure() {
            Failure::Error(number) => self.ends.push((*number, End::Err)),
            Failure::Panic(panic) => {
                let number = panic.downcast_ref::<usize>();
                self.ends.push((*number.expect("only children panic"), End::Panic));
            }
            _ => self.groups += 1,
        }
    }

    fn report(&mut self, report: nestling::Report<usize, usize>) -> Option<JoinedError<usize>> {
        let counts = report.counts();
        self.ends.extend(report.outputs().iter().map(|(_, number)| (*number, End::Ok)));
        self.cancelled += report.cancelled().len();
        let error = report.into_result().err();
        error.iter().flat_map(JoinedError::iter).for_each(|error| self.fail(error));
        let failed = error.as_ref().map_or(0, |error| error.len() as u64);
        assert_eq!(counts.failed(), failed);
        assert_eq!(counts.cancelled(), self.cancelled as u64);
        error
    }

    fn compare(mut self, ledger: &Ledger) {
        let ends = ledger.ends.lock().unwrap();
        let failed_with_a_number = |number: usize| self.ends.contains(&(number, End::Err));
        let said = ends.iter().enumerate().filter_map(|(number, end)| Some((number, (*end)?)));
        // A child that failed with the nursery in it is seen as a group, which has no number.
        let (groups, said): (Vec<_>, Vec<_>) =
            said.partition(|&(number, end)| end == End::Err && !failed_with_a_number(number));
        assert_eq!(groups.len(), self.groups, "failures of nested nurseries");
        self.ends.sort_by_key(|(number, _)| *number);
        assert_eq!(self.ends, said, "what was reported, and what children said");
        assert_eq!(ledger.running.get(), 0);
    }
}

fn all_ends_are_reported(plan: &Plan, outside: &[Outside]) {
    let world = Arc::new(World::default());
    let (nursery, here) = prepare(&world, plan);
    let mut task = Task::new(finish(nursery, here.clone(), plan.clone()));
    let rest = (0..EVENTS).map(Outside::Fire);
    let mut ended = task.run().is_ready();
    for happening in outside.iter().cloned().chain(rest) {
        if ended {
            break;
        }
        match happening {
            Outside::Fire(event) => world.events[event].fire(),
            Outside::Cancel(at) => world.cancel(at),
            Outside::Spawn(script) => here.spawn(&script),
        }
        ended = task.run().is_ready();
    }
    assert!(ended, "every event has come, and the nursery has not ended");
    drop((task, here));
    assert_eq!(world.live.get(), 0, "a child outlived its nursery");
}

#[test]
fn whatever_children_do_each_end_is_reported_once() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(4_000),
        // A seed means another program as soon as the strategies change: what is found here becomes
        // a test with a name.
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(plan in plan(2), outside in vec(outside(), 0..8))| {
        all_ends_are_reported(&plan, &outside);
    });
}
