//! `try_join_all` of `futures`, with boxed futures; where all are to come to their end, `join_all`.

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt, join_all, try_join_all};

use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct TryJoinAll;

struct InVec(Vec<BoxFuture<'static, Outcome>>);

const WHY: &str = "its children are all there when it begins";

impl Way for TryJoinAll {
    const NAME: &'static str = "join_all, try_join_all, boxed";
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Ends, "it ends as a whole"),
        (Need::Handles, "it has no handles"),
        (Need::CancelAll, "it ends as a whole"),
        (
            Need::PromptError,
            "of more than 30 children it waits for those before the one that fails",
        ),
        (Need::Spawner, WHY),
        (Need::Outside, WHY),
    ];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InVec(Vec::new()))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl Set<'static> for InVec {
    type Spawner = Never;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.0.push(child.boxed());
    }

    async fn end(&mut self, _: usize) {
        unreachable!("it ends as a whole")
    }

    async fn all(self) -> Ends {
        let mut taken = Taken::default();
        for outcome in join_all(self.0).await {
            taken.take(outcome);
        }
        taken.ends()
    }

    async fn first_error(self) -> usize {
        try_join_all(self.0).await.expect_err("a child fails")
    }
}
