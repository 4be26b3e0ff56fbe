//! A nursery with a body: the children go on while the body waits.

use futures::executor::block_on;
use nestling::failure::{Lost, LostKind};
use nestling::{JoinHandle, Spawner as NurserySpawner};

use super::nestling::nursery;
use crate::work::{Ends, Need, Outcome, Set, Way, Work};

pub struct Run;

struct InRun {
    spawner: NurserySpawner<'static, usize, usize>,
    children: Vec<Option<JoinHandle<usize>>>,
}

impl Way for Run {
    const NAME: &'static str = "nestling, body and spawn_join";
    const LACKS: &'static [(Need, &'static str)] =
        &[(Need::FirstError, "the first error ends the body too, which is what measures here")];

    async fn scope<W: Work>(work: W) -> W::Output {
        let body = |spawner| async { Ok(work.run(InRun { spawner, children: Vec::new() }).await) };
        let (output, _report) = nursery::<W>().run(body).settle().await;
        output.expect("the body does not fail")
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl Set<'static> for InRun {
    type Spawner = NurserySpawner<'static, usize, usize>;
    type Outside = Self::Spawner;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        let child = self.spawner.spawn_join(child);
        self.children.push(Some(child.expect("the nursery runs")));
    }

    fn spawn_with_handle(&mut self, child: impl Future<Output = Outcome> + Send + 'static) {
        self.spawn(child);
    }

    async fn end(&mut self, child: usize) {
        drop(self.children[child].as_mut().expect("it was not awaited").await);
        self.children[child] = None;
    }

    async fn all(self) -> Ends {
        let (mut outputs, mut ends) = (Vec::new(), Ends::default());
        for child in self.children.into_iter().flatten() {
            match child.await.as_ref().map_err(Lost::kind) {
                Ok(output) => outputs.push(*output),
                Err(LostKind::Panicked) => ends.panics += 1,
                Err(_) => ends.errors += 1,
            }
        }
        Ends { outputs: outputs.len(), ..ends }
    }

    async fn cancel(&mut self, child: usize) {
        self.children[child].as_ref().expect("it was not awaited").cancel();
        self.end(child).await;
    }

    async fn cancel_all(self) {
        self.spawner.cancel();
        for child in self.children.into_iter().flatten() {
            drop(child.await);
        }
    }

    fn spawner(&mut self) -> Self::Spawner {
        self.spawner.clone()
    }

    fn outside(&mut self) -> Self::Outside {
        self.spawner.clone()
    }
}
