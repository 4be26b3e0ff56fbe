//! The crate `bounded_join_set`, without a bound that counts.

use bounded_join_set::JoinSet;
use tokio::task::AbortHandle;

use super::tokio::{OneThread, Runtime};
use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct Bounded;

struct InSet {
    set: JoinSet<Outcome>,
    handles: Vec<AbortHandle>,
}

impl Way for Bounded {
    const NAME: &'static str = "bounded_join_set, one thread";
    const LACKS: &'static [(Need, &'static str)] =
        &[(Need::Spawner, "a spawn takes `&mut`"), (Need::Outside, "a spawn takes `&mut`")];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InSet {
            set: JoinSet::new(JoinSet::<Outcome>::MAX_CONCURRENCY),
            handles: Vec::new(),
        })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        OneThread::block_on(future)
    }
}

impl Set<'static> for InSet {
    type Spawner = Never;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.set.spawn(child);
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.handles.push(self.set.spawn(child));
    }

    async fn end(&mut self, _: usize) {
        self.set.join_next().await.expect("there are children").ok();
    }

    async fn all(mut self) -> Ends {
        let mut taken = Taken::default();
        while let Some(end) = self.set.join_next().await {
            match end {
                Ok(outcome) => taken.take(outcome),
                Err(_) => taken.panic(),
            }
        }
        taken.ends()
    }

    async fn cancel(&mut self, child: usize) {
        self.handles[child].abort();
        self.end(child).await;
    }

    async fn cancel_all(mut self) {
        self.set.shutdown().await;
    }

    async fn first_error(mut self) -> usize {
        while let Some(end) = self.set.join_next().await {
            if let Ok(Err(error)) = end {
                self.set.shutdown().await;
                return error;
            }
        }
        panic!("no child fails")
    }
}
