//! A nursery with children on tokio's threads.

use nestling::{CancelHandle, Nursery};

use super::nestling::{ends, first_error, nursery};
use super::tokio::{Runtime, TwoThreads};
use crate::work::{Ends, Need, Outcome, Set, Spawner, Way, Work};

pub struct OnExecutor;

struct Far {
    nursery: Nursery<'static, usize, usize>,
    handles: Vec<CancelHandle>,
}

#[derive(Clone)]
pub struct FarSpawner(nestling::Spawner<'static, usize, usize>);

impl Way for OnExecutor {
    const NAME: &'static str = "nestling on tokio, two threads";
    const LACKS: &'static [(Need, &'static str)] = &[];
    const THREADS: bool = true;

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(Far { nursery: nursery::<W>(), handles: Vec::new() })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        TwoThreads::block_on(future)
    }
}

impl Set<'static> for Far {
    type Spawner = FarSpawner;
    type Outside = FarSpawner;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        let tokio = nestling::executor(|task| drop(tokio::spawn(task)));
        self.nursery.spawn_on(tokio, child);
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        let tokio = nestling::executor(|task| drop(tokio::spawn(task)));
        self.handles.push(self.nursery.spawn_on(tokio, child));
    }

    async fn end(&mut self, _: usize) {
        self.nursery.next().await.expect("there are children");
    }

    async fn all(self) -> Ends {
        ends(self.nursery).await
    }

    async fn cancel(&mut self, child: usize) {
        self.handles[child].cancel();
        self.end(child).await;
    }

    async fn cancel_all(mut self) {
        self.nursery.cancel();
        let report = self.nursery.settle().await;
        assert_eq!(report.counts().failed(), 0);
    }

    async fn first_error(self) -> usize {
        first_error(self.nursery).await
    }

    fn spawner(&mut self) -> FarSpawner {
        FarSpawner(self.nursery.spawner())
    }

    fn outside(&mut self) -> FarSpawner {
        self.spawner()
    }
}

impl Spawner<'static> for FarSpawner {
    fn spawn(&self, child: impl Future<Output = Outcome> + Send + 'static) {
        let far = nestling::executor(|task| drop(TwoThreads::runtime().spawn(task)));
        assert!(self.0.spawn_on(far, child).is_ok(), "the nursery has ended");
    }
}
