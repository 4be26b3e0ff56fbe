//! `FuturesUnordered` of `futures`, with boxed futures.

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct Unordered;

struct InUnordered(FuturesUnordered<BoxFuture<'static, Outcome>>);

impl Way for Unordered {
    const NAME: &'static str = "FuturesUnordered, boxed";
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Handles, "it has no handles"),
        (Need::Spawner, "a set of boxed children is not `Sync`"),
        (Need::Outside, "a set of boxed children is not `Sync`"),
    ];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InUnordered(FuturesUnordered::new()))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl Set<'static> for InUnordered {
    type Spawner = Never;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.0.push(child.boxed());
    }

    async fn end(&mut self, _: usize) {
        self.0.next().await.expect("there are children").ok();
    }

    async fn all(mut self) -> Ends {
        let mut taken = Taken::default();
        while let Some(outcome) = self.0.next().await {
            taken.take(outcome);
        }
        taken.ends()
    }

    async fn cancel_all(self) {}

    async fn first_error(mut self) -> usize {
        while let Some(outcome) = self.0.next().await {
            if let Err(error) = outcome {
                return error;
            }
        }
        panic!("no child fails")
    }
}
