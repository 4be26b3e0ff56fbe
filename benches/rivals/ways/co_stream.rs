//! `ConcurrentStream` of `futures-concurrency`, over boxed futures.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use futures_concurrency::prelude::*;

use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct CoStream;

struct InVec(Vec<Child>);

/// Named, since the compiler does not see that its adaptors are `Send` if a lifetime is in them.
struct Child(BoxFuture<'static, Outcome>);

const WHY: &str = "its children are all there when it begins";

impl Way for CoStream {
    const NAME: &'static str = "ConcurrentStream, boxed";
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Ends, "it ends as a whole"),
        (Need::Handles, "it has no handles"),
        (Need::CancelAll, "it ends as a whole"),
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
        self.0.push(Child(child.boxed()));
    }

    async fn end(&mut self, _: usize) {
        unreachable!("it ends as a whole")
    }

    async fn all(self) -> Ends {
        let ends: Vec<Outcome> = self.0.into_co_stream().map(|child| child).collect().await;
        let mut taken = Taken::default();
        ends.into_iter().for_each(|end| taken.take(end));
        taken.ends()
    }

    async fn first_error(self) -> usize {
        let ends: Result<Vec<usize>, usize> =
            self.0.into_co_stream().map(|child| child).collect().await;
        ends.expect_err("a child fails")
    }
}

impl Future for Child {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.0.poll_unpin(cx)
    }
}
