//! The crate `async_nursery`, on tokio by `async_executors`.

use async_executors::TokioTp;
use async_nursery::{NurseExt, Nursery, NurseryStream};
use futures::stream::StreamExt;

use super::tokio::{Runtime, TwoThreads};
use crate::work::{Ends, Need, Outcome, Set, Spawner, Taken, Way, Work};

pub struct Nursed;

struct InNursery {
    nursery: Nursery<TokioTp, Outcome>,
    ends: NurseryStream<Outcome>,
}

#[derive(Clone)]
pub struct OfNursery(Nursery<TokioTp, Outcome>);

impl Way for Nursed {
    const NAME: &'static str = "async_nursery, two threads";
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Handles, "it has no handles"),
        (Need::CancelAll, "a drop cancels, and nothing tells when the children are gone"),
        (Need::FirstError, "a drop cancels, and nothing tells when the children are gone"),
    ];
    const THREADS: bool = true;

    async fn scope<W: Work>(work: W) -> W::Output {
        let tokio = TokioTp::try_current().expect("it runs on tokio");
        let (nursery, ends) = Nursery::new(tokio);
        work.run(InNursery { nursery, ends }).await
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        TwoThreads::block_on(future)
    }
}

impl Set<'static> for InNursery {
    type Spawner = OfNursery;
    type Outside = OfNursery;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.nursery.nurse(child).expect("it is open");
    }

    async fn end(&mut self, _: usize) {
        self.ends.next().await.expect("there are children").ok();
    }

    async fn all(self) -> Ends {
        let Self { nursery, mut ends } = self;
        drop(nursery);
        let mut taken = Taken::default();
        while let Some(outcome) = ends.next().await {
            taken.take(outcome);
        }
        taken.ends()
    }

    fn spawner(&mut self) -> OfNursery {
        OfNursery(self.nursery.clone())
    }

    fn outside(&mut self) -> OfNursery {
        self.spawner()
    }
}

impl Spawner<'static> for OfNursery {
    fn spawn(&self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.0.nurse(child).expect("it is open");
    }
}
