//! Slots: who waits for one, who has one in hand, and when each may.

use std::sync::Arc;

use nestling::spawn::{Rejection, SpawnerSlot};
use nestling::testing::Finish;

use super::act::Stage;
use super::event::{Actor, Answer, Event};
use super::kind::Kind;
use super::scope::{Check, Scope, ensure};
use super::values::Value;
use super::world::World;

/// How it is with the slot of someone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// It is waited for.
    Awaited,
    /// It is there for one who waits, and who has not come for it.
    Granted,
    InHand,
    /// The nursery was closed or cancelled meanwhile.
    TakenBack,
}

/// How a child is being spawned.
#[derive(Clone, Copy)]
pub(super) struct Spawning {
    pub(super) by: Actor,
    pub(super) by_slot: bool,
}

impl Slot {
    fn is_counted(self) -> bool {
        matches!(self, Self::Granted | Self::InHand)
    }
}

impl Scope {
    pub(super) fn counted_slots(&self) -> usize {
        self.slots.values().filter(|slot| slot.is_counted()).count()
    }

    /// Whether a child may still come by the slot of a spawner.
    pub(super) fn has_slot_in_hand(&self) -> bool {
        self.slots.iter().any(|(by, slot)| *by != Actor::Owner && *slot == Slot::InHand)
    }

    fn slot_refusal(&self, by: Actor) -> Option<Answer> {
        match &self.cancelled {
            Some(cause) => Some(Answer::Cancelled(cause.clone())),
            None if by != Actor::Owner && self.is_closed() => Some(Answer::Closed),
            None if by == Actor::Owner => self.failure_due().cloned().map(Answer::Cancelled),
            None => None,
        }
    }

    pub(super) fn awaits_slot(&mut self, by: Actor) {
        let refused = self.slot_refusal(by).is_some();
        let slot = if !refused && self.unfinished() < self.limit() {
            Slot::Granted
        } else {
            Slot::Awaited
        };
        self.slots.insert(by, slot);
        if !refused && slot == Slot::Awaited {
            self.queue.push_back(by);
        }
    }

    pub(super) fn slot_answered(
        &mut self,
        by: Actor,
        waited: bool,
        refusal: Option<Answer>,
    ) -> Check {
        if refusal == Some(Answer::Closed) {
            self.daemons_may_be_told();
        }
        let mut expected = self.slot_refusal(by);
        if expected.is_none() && waited {
            let slot = self.slots.get(&by);
            ensure!(slot == Some(&Slot::Granted), "{by:?} has its answer, and is not served");
        } else if expected.is_none() && self.unfinished() >= self.limit() {
            expected = Some(Answer::Full);
        }
        ensure!(refusal == expected, "{by:?} asks for a slot, and hears {refusal:?}");
        if refusal.is_none() {
            self.slots.insert(by, Slot::InHand);
        }
        Ok(())
    }

    /// Nobody has it any more: it was given up, or a child was spawned by it.
    pub(super) fn slot_gone(&mut self, by: Actor) {
        self.queue.retain(|waits| *waits != by);
        if self.slots.remove(&by).is_some_and(Slot::is_counted) {
            self.grant();
            self.refuse_if_left();
        }
    }

    pub(super) fn take_slots_back(&mut self, of: impl Fn(Actor) -> bool) {
        self.queue.retain(|by| !of(*by));
        for (_, slot) in self.slots.iter_mut().filter(|(by, _)| of(**by)) {
            *slot = Slot::TakenBack;
        }
    }

    /// Closes a nursery that nothing keeps open any more that has kept it so.
    pub(super) fn refuse_if_left(&mut self) {
        let split = matches!(self.script.finish, Finish::Split(_));
        if split && !self.held && !self.has_slot_in_hand() {
            self.refuse();
        }
    }

    pub(super) fn grant(&mut self) {
        while self.unfinished() < self.limit() {
            let Some(by) = self.queue.pop_front() else { break };
            self.slots.insert(by, Slot::Granted);
        }
    }
}

/// Tells that a slot is given up, or a wait for one, unless it was used.
pub(super) struct Claim {
    world: Arc<World>,
    nursery: usize,
    by: Actor,
    used: bool,
}

impl Claim {
    pub(super) fn new<M: Kind>(stage: &Stage<M>) -> Self {
        let world = Arc::clone(&stage.world);
        Self { world, nursery: stage.nursery, by: stage.actor, used: false }
    }

    pub(super) fn used(mut self) {
        self.used = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.used {
            self.world.tell(Event::SlotGone { nursery: self.nursery, by: self.by });
        }
    }
}

/// A slot in hand. It goes before this is told.
pub(super) struct Held<S> {
    pub(super) slot: S,
    pub(super) claim: Claim,
}

impl<M: Kind> Stage<M> {
    /// Waits for a slot of the spawner.
    pub(super) async fn wait_for_slot(
        &self,
    ) -> Option<Held<SpawnerSlot<'static, Value, Value, M>>> {
        let claim = Claim::new(self);
        self.awaits_slot();
        let slot = self.wait(self.siblings().reserve()).await;
        self.slot_answered(true, slot).map(|slot| Held { slot, claim })
    }

    /// Takes a slot of the spawner if one is free.
    pub(super) fn try_slot(&self) -> Option<Held<SpawnerSlot<'static, Value, Value, M>>> {
        let slot = self.slot_answered(false, self.siblings().try_reserve());
        slot.map(|slot| Held { slot, claim: Claim::new(self) })
    }

    pub(super) fn awaits_slot(&self) {
        self.world.tell(Event::AwaitsSlot { nursery: self.nursery, by: self.actor });
    }

    pub(super) fn slot_answered<S>(&self, waited: bool, slot: Result<S, Rejection>) -> Option<S> {
        let (nursery, by) = (self.nursery, self.actor);
        let (slot, refusal) = match slot {
            Ok(slot) => (Some(slot), None),
            Err(rejection) => (None, Some(rejection.into())),
        };
        self.world.tell(Event::SlotAnswered { nursery, by, waited, refusal });
        slot
    }
}
