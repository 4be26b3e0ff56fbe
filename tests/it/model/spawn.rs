//! How the children of a script are spawned, and what is answered.

use std::sync::PoisonError;

use nestling::spawn::{ChildId, Rejected, Rejection};
use nestling::testing::{Child, Room, Spawn, Step, yields};
use nestling::{CancelHandle, JoinHandle};

use super::act::{Stage, Tree};
use super::drop_scripted;
use super::event::{Answer, Event};
use super::kind::Kind;
use super::slot::{Claim, Held};
use super::values::Value;

/// Spawns a child by a builder, whatever that was made by: what is answered is of another type for
/// each.
macro_rules! spawn_by {
    ($stage:ident, $builder:expr, $how:expr, $child:ident, $by_slot:expr) => {{
        let (how, child) = ($how, as_spawned($how, $child));
        let key = $stage.announce(how, $by_slot, &child);
        let builder = $stage.options($builder, &child, key);
        let stage = $stage.for_child();
        let answer = match how {
            Spawn::Plain if listens(&child) => builder
                .group()
                .spawn_with_context(M::make(stage, child, key))
                .told(|handle| handle.id().number()),
            Spawn::Plain => {
                builder.group().spawn(M::group(stage, child, key)).told(|id| id.number())
            }
            Spawn::Handle if listens(&child) => builder
                .group()
                .spawn_with_context(M::make(stage, child, key))
                .told(|handle| $stage.keep(key, handle)),
            Spawn::Handle => builder
                .group()
                .spawn_with_handle(M::group(stage, child, key))
                .told(|handle| $stage.keep(key, handle)),
            Spawn::Join if listens(&child) => builder
                .spawn_join_with_context(M::make_plain(stage, child, key))
                .told(|handle| $stage.keep_join(key, handle)),
            Spawn::Join => builder
                .spawn_join(M::plain(stage, child, key))
                .told(|handle| $stage.keep_join(key, handle)),
            Spawn::On => builder
                .spawn_on($stage.handing(key), stage.elsewhere(child, key))
                .told(|handle| $stage.keep(key, handle)),
        };
        $stage.answer(key, answer);
    }};
}

impl<M: Kind> Stage<M> {
    fn announce(&self, how: Spawn, by_slot: bool, child: &Child) -> usize {
        let mut rules = self.world.rules();
        let (nursery, by) = (self.nursery, self.actor);
        let (key, child) = (rules.children_of(nursery), child.clone());
        rules.hear(Event::Spawning { nursery, by, key, how, by_slot, child });
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
    pub(super) async fn spawn(&self, room: Room, how: Spawn, child: Child) {
        let held = match room {
            Room::Any => {
                return spawn_by!(self, self.siblings().child(), how, child, false);
            }
            Room::Try => self.try_slot(),
            Room::Wait => self.wait_for_slot().await,
        };
        if let Some(Held { slot, claim }) = held {
            spawn_by!(self, slot, how, child, true);
            claim.used();
        }
    }

    /// Has a slot in hand for a while, and spawns a sibling by it, or drops it.
    pub(super) async fn hold(&self, times: u8, child: Option<(Spawn, Box<Child>)>) {
        let Some(held) = self.wait_for_slot().await else { return };
        yields(times.into()).await;
        if let Some((how, child)) = child {
            let (Held { slot, claim }, child) = (held, *child);
            spawn_by!(self, slot, how, child, true);
            claim.used();
        }
    }

    /// Spawns a child by the nursery itself.
    pub(super) async fn spawn_by_owner(
        &self,
        nursery: &mut Tree<M>,
        room: Room,
        how: Spawn,
        child: Child,
    ) {
        let claim;
        let slot = match room {
            Room::Any => {
                return spawn_by!(self, nursery.child(), how, child, false);
            }
            Room::Try => {
                let slot = self.slot_answered(false, nursery.try_reserve());
                claim = Claim::new(self);
                slot
            }
            Room::Wait => {
                claim = Claim::new(self);
                self.awaits_slot();
                self.slot_answered(true, nursery.reserve().await)
            }
        };
        if let Some(slot) = slot {
            spawn_by!(self, slot, how, child, true);
            claim.used();
        }
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

/// What a spawn returns: what the child is known by, or the future, and why it was not taken.
trait Told {
    type Known;

    fn told(self, known: impl FnOnce(Self::Known) -> u64) -> Answer;
}

macro_rules! taken {
    ($($known:ty),*) => {$(
        impl Told for $known {
            type Known = Self;

            fn told(self, known: impl FnOnce(Self) -> u64) -> Answer {
                Answer::Taken(known(self))
            }
        }
    )*};
}

taken!(ChildId, CancelHandle, JoinHandle<Value>);

impl<R, F> Told for Result<R, Rejected<F>> {
    type Known = R;

    fn told(self, known: impl FnOnce(R) -> u64) -> Answer {
        match self {
            Ok(child) => Answer::Taken(known(child)),
            Err(Rejected { future, reason }) => {
                // Its destructor may panic.
                drop_scripted(future);
                reason.into()
            }
        }
    }
}

impl From<Rejection> for Answer {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Full => Self::Full,
            Rejection::Closed => Self::Closed,
            Rejection::Cancelled(cause) => Self::Cancelled((&cause).into()),
            other => unreachable!("there is no other reason than {other:?}"),
        }
    }
}
