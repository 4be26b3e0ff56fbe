//! A nursery, which its owner awaits.

use futures::executor::block_on;
use nestling::{CancelHandle, Failure, Nursery, Spawner as NurserySpawner};

use crate::work::{Ends, Outcome, Set, Spawner, Way, Work};

pub struct Nestling;

struct InNursery {
    nursery: Nursery<'static, usize, usize>,
    handles: Vec<CancelHandle>,
}

impl Way for Nestling {
    const NAME: &'static str = "nestling";

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        work.run(InNursery { nursery: nursery::<W>(), handles: Vec::new() })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

pub(super) fn nursery<W: Work>() -> Nursery<'static, usize, usize> {
    if W::FIRST_ERROR { Nursery::new().first_error() } else { Nursery::new() }
}

impl Set<'static> for InNursery {
    type Spawner = NurserySpawner<'static, usize, usize>;
    type Outside = Self::Spawner;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.nursery.spawn(child);
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.handles.push(self.nursery.spawn_with_handle(child));
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

    fn spawner(&mut self) -> Self::Spawner {
        self.nursery.spawner()
    }

    fn outside(&mut self) -> Self::Outside {
        self.nursery.spawner()
    }
}

pub(super) async fn ends(nursery: Nursery<'static, usize, usize>) -> Ends {
    match nursery.join().await {
        Ok(outputs) => Ends { outputs: outputs.len(), ..Ends::default() },
        Err(failed) => {
            let is_panic = |failure: &Failure<_>| matches!(failure, Failure::Panic(_));
            let panics = failed.iter().filter(|error| is_panic(error.failure())).count();
            let outputs = failed.counts().completed() as usize;
            Ends { outputs, errors: failed.len() - panics, panics }
        }
    }
}

pub(super) async fn first_error(nursery: Nursery<'static, usize, usize>) -> usize {
    let failed = nursery.join().await.expect_err("a child fails");
    match failed.first().failure() {
        Failure::Error(error) => *error,
        failure => panic!("the first failure is {failure}"),
    }
}

impl<'s> Spawner<'s> for NurserySpawner<'s, usize, usize> {
    fn spawn(&self, child: impl Future<Output = Outcome> + Send + 's) {
        assert!(NurserySpawner::spawn(self, child).is_ok(), "the nursery has ended");
    }
}
