//! The crate `futures-buffered`, with boxed futures.

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;
use futures_buffered::FuturesUnordered;

use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct Buffered;

struct InBuffered(FuturesUnordered<BoxFuture<'static, Outcome>>);

impl Way for Buffered {
    const NAME: &'static str = "futures-buffered, boxed";
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Handles, "it has no handles"),
        (Need::Spawner, "a push takes `&mut`"),
        (Need::Outside, "a push takes `&mut`"),
    ];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InBuffered(FuturesUnordered::new()))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl Set<'static> for InBuffered {
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
