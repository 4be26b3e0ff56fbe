//! `TaskTracker` of `tokio-util`, with a `Vec` of join handles.

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::tokio::{OneThread, Runtime};
use crate::work::{Ends, Need, Outcome, Set, Spawner, Taken, Way, Work};

pub struct Tracked;

struct InTracker {
    tracker: TaskTracker,
    children: Vec<JoinHandle<Outcome>>,
}

#[derive(Clone)]
pub struct OfTracker(TaskTracker);

impl Way for Tracked {
    const NAME: &'static str = "tokio TaskTracker, one thread";
    const LACKS: &'static [(Need, &'static str)] = &[(
        Need::FirstError,
        "its tasks end apart: that an owner hears of the first takes a set beside it",
    )];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InTracker { tracker: TaskTracker::new(), children: Vec::new() })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        OneThread::block_on(future)
    }
}

impl Set<'static> for InTracker {
    type Spawner = OfTracker;
    type Outside = OfTracker;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.children.push(self.tracker.spawn(child));
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.spawn(child);
    }

    async fn end(&mut self, child: usize) {
        (&mut self.children[child]).await.ok();
    }

    async fn all(self) -> Ends {
        let mut taken = Taken::default();
        for child in self.children {
            match child.await {
                Ok(outcome) => taken.take(outcome),
                Err(_) => taken.panic(),
            }
        }
        self.tracker.close();
        self.tracker.wait().await;
        taken.ends()
    }

    async fn cancel(&mut self, child: usize) {
        self.children[child].abort();
        self.end(child).await;
    }

    async fn cancel_all(self) {
        self.children.iter().for_each(JoinHandle::abort);
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn spawner(&mut self) -> OfTracker {
        OfTracker(self.tracker.clone())
    }

    fn outside(&mut self) -> OfTracker {
        self.spawner()
    }
}

impl Spawner<'static> for OfTracker {
    fn spawn(&self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.0.spawn_on(child, OneThread::runtime().handle());
    }
}
