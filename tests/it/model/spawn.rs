//! How the children of a script are spawned, and what is answered.

use std::sync::PoisonError;

use nestling::testing::{Child, Spawn, Step};
use nestling::{CancelHandle, JoinHandle, Rejected, Rejection};

use super::act::{Stage, Tree};
use super::drop_scripted;
use super::event::{Answer, Event};
use super::kind::Kind;
use super::values::Value;

impl<M: Kind> Stage<M> {
    fn announce(&self, how: Spawn, child: &Child) -> usize {
        let mut rules = self.world.rules();
        let (nursery, key) = (self.nursery, rules.children_of(self.nursery));
        rules.hear(Event::Spawning { nursery, by: self.actor, key, how, child: child.clone() });
        key
    }

    fn answer(&self, key: usize, answer: Answer) {
        self.world.tell(Event::Answered { nursery: self.nursery, key, answer });
    }

    fn keep(&self, key: usize, handle: CancelHandle) -> u64 {
        let id = handle.id().number();
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push((key, handle));
        id
    }

    fn keep_join(&self, key: usize, handle: JoinHandle<Value>) -> u64 {
        let id = self.keep(key, handle.cancel_handle());
        self.joins.lock().unwrap_or_else(PoisonError::into_inner).push((key, Some(handle)));
        id
    }

    /// Spawns a sibling by the spawner.
    pub(super) async fn spawn(&self, how: Spawn, child: Child) {
        let child = as_spawned(how, child);
        let key = self.announce(how, &child);
        let builder = self.options(self.siblings().child(), &child, key);
        let stage = self.for_child();
        let answer = match how {
            Spawn::Plain if listens(&child) => {
                match builder.spawn_group_with(M::make(stage, child, key)) {
                    Ok(handle) => Answer::Taken(handle.id().number()),
                    Err(rejected) => refused(rejected),
                }
            }
            Spawn::Plain => match builder.spawn_group(M::group(stage, child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::Handle if listens(&child) => {
                match builder.spawn_group_with(M::make(stage, child, key)) {
                    Ok(handle) => Answer::Taken(self.keep(key, handle)),
                    Err(rejected) => refused(rejected),
                }
            }
            Spawn::Handle => match builder.spawn_group_with_handle(M::group(stage, child, key)) {
                Ok(handle) => Answer::Taken(self.keep(key, handle)),
                Err(rejected) => refused(rejected),
            },
            Spawn::Join if listens(&child) => {
                match builder.spawn_join_with(M::make_plain(stage, child, key)) {
                    Ok(handle) => Answer::Taken(self.keep_join(key, handle)),
                    Err(rejected) => refused(rejected),
                }
            }
            Spawn::Join => match builder.spawn_join(M::plain(stage, child, key)) {
                Ok(handle) => Answer::Taken(self.keep_join(key, handle)),
                Err(rejected) => refused(rejected),
            },
            Spawn::On => match builder.spawn_on(self.handing(key), stage.elsewhere(child, key)) {
                Ok(handle) => Answer::Taken(self.keep(key, handle)),
                Err(rejected) => refused(rejected),
            },
            Spawn::Try => match builder.try_spawn(M::plain(stage, child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::WhenFree => {
                match self.wait(builder.spawn_when_free(M::plain(stage, child, key))).await {
                    Ok(id) => Answer::Taken(id.number()),
                    Err(rejected) => refused(rejected),
                }
            }
        };
        self.answer(key, answer);
    }

    /// Spawns a child by the nursery itself.
    pub(super) async fn spawn_by_owner(&self, nursery: &mut Tree<M>, how: Spawn, child: Child) {
        let child = as_spawned(how, child);
        let key = self.announce(how, &child);
        let builder = self.options(nursery.child(), &child, key);
        let stage = self.for_child();
        let answer = match how {
            Spawn::Plain if listens(&child) => {
                let handle = builder.spawn_group_with(M::make(stage, child, key));
                Answer::Taken(handle.id().number())
            }
            Spawn::Plain => {
                Answer::Taken(builder.spawn_group(M::group(stage, child, key)).number())
            }
            Spawn::Handle if listens(&child) => {
                let handle = builder.spawn_group_with(M::make(stage, child, key));
                Answer::Taken(self.keep(key, handle))
            }
            Spawn::Handle => {
                let handle = builder.spawn_group_with_handle(M::group(stage, child, key));
                Answer::Taken(self.keep(key, handle))
            }
            Spawn::Join if listens(&child) => {
                let handle = builder.spawn_join_with(M::make_plain(stage, child, key));
                Answer::Taken(self.keep_join(key, handle))
            }
            Spawn::Join => {
                let handle = builder.spawn_join(M::plain(stage, child, key));
                Answer::Taken(self.keep_join(key, handle))
            }
            Spawn::On => {
                let handle = builder.spawn_on(self.handing(key), stage.elsewhere(child, key));
                Answer::Taken(self.keep(key, handle))
            }
            Spawn::Try => match builder.try_spawn(M::plain(stage, child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::WhenFree => {
                Answer::Taken(builder.spawn_when_free(M::plain(stage, child, key)).await.number())
            }
        };
        self.answer(key, answer);
    }
}

/// A child on an executor is no daemon in these scripts: nothing tells when it is told to go then.
fn as_spawned(how: Spawn, child: Child) -> Child {
    let daemon = child.daemon && how != Spawn::On;
    Child { daemon, ..child }
}

/// Whether the child needs to know of itself.
fn listens(child: &Child) -> bool {
    child.steps.contains(&Step::AwaitCancel)
}

/// Drops the child that came back; its destructor may panic.
fn refused<F>(rejected: Rejected<F>) -> Answer {
    let Rejected { future, reason } = rejected;
    drop_scripted(future);
    match reason {
        Rejection::Full => Answer::Full,
        Rejection::Closed => Answer::Closed,
        Rejection::Cancelled(cause) => Answer::Cancelled((&cause).into()),
        other => unreachable!("there is no other reason than {other:?}"),
    }
}
