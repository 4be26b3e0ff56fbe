//! `JoinMap` of `tokio-util`, with the child's number as the key.

use tokio_util::task::JoinMap;

use super::tokio::{OneThread, Runtime};
use crate::work::{Ends, Need, Never, Outcome, Set, Taken, Way, Work};

pub struct InJoinMap;

struct InMap {
    map: JoinMap<usize, Outcome>,
    /// How many children it has had.
    children: usize,
}

impl Way for InJoinMap {
    const NAME: &'static str = "tokio JoinMap, one thread";
    const LACKS: &'static [(Need, &'static str)] =
        &[(Need::Spawner, "a spawn takes `&mut`"), (Need::Outside, "a spawn takes `&mut`")];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InMap { map: JoinMap::new(), children: 0 })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        OneThread::block_on(future)
    }
}

impl Set<'static> for InMap {
    type Spawner = Never;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.map.spawn(self.children, child);
        self.children += 1;
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.spawn(child);
    }

    async fn end(&mut self, _: usize) {
        self.map.join_next().await.expect("there are children").1.ok();
    }

    async fn all(mut self) -> Ends {
        let mut taken = Taken::default();
        while let Some((_, end)) = self.map.join_next().await {
            match end {
                Ok(outcome) => taken.take(outcome),
                Err(_) => taken.panic(),
            }
        }
        taken.ends()
    }

    async fn cancel(&mut self, child: usize) {
        assert!(self.map.abort(&child));
        self.end(child).await;
    }

    async fn cancel_all(mut self) {
        self.map.shutdown().await;
    }

    async fn first_error(mut self) -> usize {
        while let Some((_, end)) = self.map.join_next().await {
            if let Ok(Err(error)) = end {
                self.map.shutdown().await;
                return error;
            }
        }
        panic!("no child fails")
    }
}
