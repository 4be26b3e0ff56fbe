//! The executors of smol, with a `Vec` of tasks, all in the thread of the owner.

use std::marker::PhantomData;

use async_executor::{Executor, LocalExecutor, Task};
use futures::executor::block_on;

use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

const LACKS: &[(Need, &str)] = &[
    (
        Need::FirstError,
        "its tasks end apart: that an owner hears of the first takes a set beside it",
    ),
    (Need::Spawner, "what a child spawns is in no set that the owner waits for"),
    (Need::Outside, "what another thread spawns is in no set that the owner waits for"),
];

pub struct Shared;

pub struct Local;

static SHARED: Executor<'static> = Executor::new();

thread_local! {
    static LOCAL: &'static LocalExecutor<'static> = Box::leak(Box::new(LocalExecutor::new()));
}

impl Way for Shared {
    const NAME: &'static str = "smol's Executor, one thread";
    const LACKS: &'static [(Need, &'static str)] = LACKS;

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(Tasks::<Self>::default())
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(SHARED.run(future))
    }
}

impl Way for Local {
    const NAME: &'static str = "smol's LocalExecutor";
    const LACKS: &'static [(Need, &'static str)] = LACKS;

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(Tasks::<Self>::default())
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(LOCAL.with(|local| *local).run(future))
    }
}

trait Spawn: Send + 'static {
    fn spawn(child: impl Future<Output = Outcome> + Send + 'static) -> Task<Outcome>;
}

impl Spawn for Shared {
    fn spawn(child: impl Future<Output = Outcome> + Send + 'static) -> Task<Outcome> {
        SHARED.spawn(child)
    }
}

impl Spawn for Local {
    fn spawn(child: impl Future<Output = Outcome> + Send + 'static) -> Task<Outcome> {
        LOCAL.with(|local| local.spawn(child))
    }
}

struct Tasks<X> {
    tasks: Vec<Option<Task<Outcome>>>,
    on: PhantomData<X>,
}

impl<X> Default for Tasks<X> {
    fn default() -> Self {
        Self { tasks: Vec::new(), on: PhantomData }
    }
}

impl<X: Spawn> Set<'static> for Tasks<X> {
    type Spawner = Never;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.tasks.push(Some(X::spawn(child)));
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.spawn(child);
    }

    async fn end(&mut self, child: usize) {
        self.tasks[child].as_mut().expect("it was not awaited").await.ok();
        self.tasks[child] = None;
    }

    async fn all(self) -> Ends {
        let mut taken = Taken::default();
        for task in self.tasks.into_iter().flatten() {
            taken.take(task.await);
        }
        taken.ends()
    }

    async fn cancel(&mut self, child: usize) {
        self.tasks[child].take().expect("it was not awaited").cancel().await;
    }

    async fn cancel_all(self) {
        futures::future::join_all(self.tasks.into_iter().flatten().map(Task::cancel)).await;
    }
}
