//! Supervisors, with children that follow a script.

mod config;
mod interplay;
mod limits;
mod order;
mod races;
mod restarts;
mod stopping;
mod told;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nestling::future::Timer;
use nestling::outcome::CauseKind;
use nestling::supervise::{ChildSpec, Incarnation, Supervision, SupervisorHandle};
use nestling::testing::{Clock, Executor};
use nestling::{JoinedError, Report, Supervisor, current_cancelled};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// Longer than any test.
pub(crate) const LONG: u64 = 1_000_000;

pub(crate) type Spec = ChildSpec<'static, String>;
pub(crate) type Handle = SupervisorHandle<'static, String>;

/// What an incarnation does, by the seconds since its start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// It fails.
    Fail(u64),
    /// It succeeds.
    Succeed(u64),
    /// It says that it is up, and fails so many seconds later.
    UpThenFail(u64, u64),
    /// It says that it is up, and succeeds so many seconds later.
    UpThenSucceed(u64, u64),
    /// It panics.
    Panic(u64),
    /// It hears of its cancel, and ends so many seconds later.
    Graceful(u64),
}

pub(crate) use Step::{Fail, Graceful, Panic, Succeed, UpThenFail, UpThenSucceed};

/// It goes on until it is stopped.
pub(crate) const RUN: Step = Fail(LONG);

/// A clock, and what has happened by it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    log: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) fn new(executor: &Executor<'_>) -> Self {
        Self { clock: executor.clock(), log: Arc::default() }
    }

    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        self.log.lock().unwrap().push(format!("{} {what}", self.clock.now().as_secs()));
    }

    /// What has happened, each with the second in which it did.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// What has happened to one child.
    pub(crate) fn log_of(&self, name: &str) -> Vec<String> {
        let of = format!(" {name}");
        let log = self.log().into_iter().filter(|line| line.contains(&of));
        log.map(|line| line.replace(&of, "")).collect()
    }

    pub(crate) async fn sleep(&self, seconds: u64) {
        self.clock.sleep(SECOND * u32::try_from(seconds).unwrap()).await;
    }

    /// A child that does a step in each incarnation, and the last again and again.
    pub(crate) fn child(&self, name: &'static str, steps: &'static [Step]) -> Spec {
        let world = self.clone();
        ChildSpec::new(name, move |incarnation: Incarnation| {
            let at = usize::try_from(incarnation.number()).unwrap().min(steps.len()) - 1;
            let (world, step) = (world.clone(), steps[at]);
            async move {
                let run = Run { world: world.clone(), name, number: incarnation.number() };
                world.note(format_args!("+{name}{}", run.number));
                match step {
                    Fail(after) => {
                        world.sleep(after).await;
                        Err(format!("no {}", run.number))
                    }
                    Succeed(after) => {
                        world.sleep(after).await;
                        Ok(())
                    }
                    UpThenFail(up, after) => {
                        world.sleep(up).await;
                        incarnation.ready();
                        world.sleep(after).await;
                        Err(format!("no {}", run.number))
                    }
                    UpThenSucceed(up, after) => {
                        world.sleep(up).await;
                        incarnation.ready();
                        world.sleep(after).await;
                        Ok(())
                    }
                    Panic(after) => {
                        world.sleep(after).await;
                        panic!("panic {}", run.number);
                    }
                    Graceful(after) => {
                        current_cancelled().await;
                        world.note(format_args!("?{name}{}", run.number));
                        world.sleep(after).await;
                        Ok(())
                    }
                }
            }
        })
    }

    /// One for one, and no bound that a test would meet by chance.
    pub(crate) fn supervisor(&self) -> Supervisor<'static, String> {
        Supervisor::new(self.clock.clone())
            .intensity(1_000, SECOND * 1_000)
            .clock(self.clock.clone())
    }
}

/// An incarnation that runs, until this is dropped.
struct Run {
    world: World,
    name: &'static str,
    number: u64,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.world.note(format_args!("-{}{}", self.name, self.number));
    }
}

/// Runs a supervisor beside what handles it, and returns all that came of it. It is shut down when
/// `then` is over.
pub(crate) fn drive<F>(
    make: impl FnOnce(&World) -> Supervisor<'static, String>,
    then: impl FnOnce(World, Handle) -> F,
) -> (Report<(), String>, World)
where
    F: Future<Output = ()>,
{
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let supervision = make(&world).build().unwrap();
    let handle = supervision.handle();
    let then = then(world.clone(), handle.clone());
    let then = async move {
        then.await;
        handle.shutdown("the test is over");
    };
    let (report, ()) = executor.block_on(futures::future::join(supervision.settle(), then));
    drop(executor);
    (report, world)
}

/// Runs a supervisor until it ends by itself.
pub(crate) fn run(
    make: impl FnOnce(&World) -> Supervisor<'static, String>,
) -> (Result<(), JoinedError<String>>, World) {
    let mut executor = Executor::new(1);
    let world = World::new(&executor);
    let supervision: Supervision<'_, _> = make(&world).build().unwrap();
    let result = executor.block_on(supervision);
    drop(executor);
    (result, world)
}

/// Why a supervisor has given up.
pub(crate) fn why(error: &JoinedError<String>) -> String {
    let cause = error.cause().unwrap();
    assert_eq!(cause.kind(), CauseKind::GaveUp);
    cause.to_string()
}
