//! `FutureGroup` of `futures-concurrency`, with boxed futures.

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;
use futures_concurrency::future::FutureGroup;
use futures_concurrency::future::future_group::Key;

use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct Group;

struct InGroup {
    group: FutureGroup<BoxFuture<'static, Outcome>>,
    keys: Vec<Key>,
}

impl Way for Group {
    const NAME: &'static str = "FutureGroup, boxed";
    const LACKS: &'static [(Need, &'static str)] =
        &[(Need::Spawner, "an insert takes `&mut`"), (Need::Outside, "an insert takes `&mut`")];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InGroup { group: FutureGroup::new(), keys: Vec::new() })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl Set<'static> for InGroup {
    type Spawner = Never;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.group.insert(child.boxed());
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.keys.push(self.group.insert(child.boxed()));
    }

    async fn end(&mut self, _: usize) {
        self.group.next().await.expect("there are children").ok();
    }

    async fn all(mut self) -> Ends {
        let mut taken = Taken::default();
        while let Some(outcome) = self.group.next().await {
            taken.take(outcome);
        }
        taken.ends()
    }

    async fn cancel(&mut self, child: usize) {
        assert!(self.group.remove(self.keys[child]), "the child has ended");
    }

    async fn cancel_all(self) {}

    async fn first_error(mut self) -> usize {
        while let Some(outcome) = self.group.next().await {
            if let Err(error) = outcome {
                return error;
            }
        }
        panic!("no child fails")
    }
}
