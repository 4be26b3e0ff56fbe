//! What a nursery does with handles, put together from the parts of `futures`.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::executor::block_on;
use futures::future::{AbortHandle, Abortable, Aborted, BoxFuture, CatchUnwind, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct ByHand;

type Child = Abortable<CatchUnwind<AssertUnwindSafe<BoxFuture<'static, Outcome>>>>;

struct InStack {
    set: FuturesUnordered<Child>,
    handles: Vec<AbortHandle>,
}

const WHY: &str = "a set of boxed children is not `Sync`";

impl Way for ByHand {
    const NAME: &'static str = "Abortable + CatchUnwind stack";
    const LACKS: &'static [(Need, &'static str)] = &[(Need::Spawner, WHY), (Need::Outside, WHY)];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InStack { set: FuturesUnordered::new(), handles: Vec::new() })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl Set<'static> for InStack {
    type Spawner = Never;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.spawn_with_handle(child);
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        let (handle, registration) = AbortHandle::new_pair();
        self.handles.push(handle);
        let guarded = AssertUnwindSafe(child.boxed()).catch_unwind();
        self.set.push(Abortable::new(guarded, registration));
    }

    async fn end(&mut self, _: usize) {
        self.set.next().await.expect("there are children").ok();
    }

    async fn all(mut self) -> Ends {
        let mut taken = Taken::default();
        while let Some(end) = self.set.next().await {
            take(&mut taken, end);
        }
        taken.ends()
    }

    async fn cancel(&mut self, child: usize) {
        self.handles[child].abort();
        self.end(child).await;
    }

    async fn cancel_all(mut self) {
        self.handles.iter().for_each(AbortHandle::abort);
        while self.set.next().await.is_some() {}
    }

    async fn first_error(mut self) -> usize {
        while let Some(end) = self.set.next().await {
            if let Ok(Ok(Err(error))) = end {
                return error;
            }
        }
        panic!("no child fails")
    }
}

fn take(taken: &mut Taken, end: Result<Result<Outcome, Box<dyn Any + Send>>, Aborted>) {
    match end {
        Ok(Ok(outcome)) => taken.take(outcome),
        Ok(Err(_)) => taken.panic(),
        Err(Aborted) => {}
    }
}
