//! Children on an executor: how they are handed over, and what they can do there.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::task::{FutureObj, Spawn, SpawnError};
use nestling::generic::{Remote, Shared};
use nestling::testing::Child;

use super::act::Stage;
use super::event::Event;
use super::kind::Kind;
use super::values::Value;
use super::world::World;

/// A child's future that can go to an executor, from a nursery of either flavour.
type Future = BoxFuture<'static, Result<Value, Value>>;

/// The same as the nursery has it.
pub(crate) type Elsewhere = Remote<Handing, Future, Value, Value>;

/// The executor as one child is given it. It tells when the child is handed over. The nursery drops
/// it when it lets the child go.
pub(crate) struct Handing {
    world: Arc<World>,
    nursery: usize,
    key: usize,
}

impl Spawn for Handing {
    fn spawn_obj(&self, task: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let (nursery, key) = (self.nursery, self.key);
        let taken = !self.world.workers.is_shut_down();
        self.world.tell(Event::HandedOver { nursery, key, taken });
        self.world.workers.spawn_obj(task)
    }
}

impl Drop for Handing {
    fn drop(&mut self) {
        self.world.tell(Event::LetGo { nursery: self.nursery, key: self.key });
    }
}

impl<M: Kind> Stage<M> {
    pub(super) fn handing(&self, key: usize) -> Handing {
        Handing { world: Arc::clone(&self.world), nursery: self.nursery, key }
    }

    /// A child for the executor. A local nursery's spawner cannot go there: the child then passes
    /// over what needs one.
    pub(super) fn elsewhere(self, child: Child, key: usize) -> Future {
        let stage: Stage<Shared> = M::elsewhere(self);
        Box::pin(stage.play(child, key, move |_, world| world.values.make(key)))
    }
}
