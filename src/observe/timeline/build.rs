//! Recordings made by hand, in microseconds.

use std::panic::Location;
use std::time::Duration;

use crate::info::{ChildId, ChildInfo, Owner};
use crate::observe::timeline::recording::{ChildTrack, PollSpan, Recording, ScopeTrack};
use crate::observe::{EndKind, WokenBy};

pub(super) const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A line of code of its own for each call.
#[track_caller]
pub(super) fn here() -> &'static Location<'static> {
    Location::caller()
}

pub(super) fn scope(number: u64, name: Option<&str>, parent: Option<u64>) -> ScopeTrack {
    let name = name.map(str::to_owned);
    ScopeTrack { number, owner: Owner::Nursery, name, parent, limit: None }
}

/// A child that is to end at the end of the recording, and was not polled yet.
pub(super) fn child(number: u64, scope: u64, spawned: u64) -> ChildTrack {
    ChildTrack {
        number,
        scope,
        info: ChildInfo::new(ChildId::new(number), None, here()),
        spawned_by: None,
        spawned: us(spawned),
        started: None,
        ended: None,
        polls: Vec::new(),
    }
}

impl ChildTrack {
    pub(super) fn named(mut self, name: &str) -> Self {
        self.info = ChildInfo::new(self.info.id(), Some(name.into()), self.info.location());
        self
    }

    pub(super) fn at(mut self, location: &'static Location<'static>) -> Self {
        let name = self.info.name().map(Into::into);
        self.info = ChildInfo::new(self.info.id(), name, location);
        self
    }

    /// Polled from one moment to another, without a wake.
    pub(super) fn polled(self, began: u64, ended: u64) -> Self {
        self.poll(began, ended, None)
    }

    pub(super) fn woken(self, woken: u64, began: u64, ended: u64) -> Self {
        self.poll(began, ended, Some((us(woken), WokenBy::Outside)))
    }

    fn poll(mut self, began: u64, ended: u64, woken: Option<(Duration, WokenBy)>) -> Self {
        self.started.get_or_insert(us(began));
        self.polls.push(PollSpan { began: us(began), ended: us(ended), woken });
        self
    }

    pub(super) fn ended(mut self, at: u64, end: EndKind) -> Self {
        self.ended = Some((us(at), end));
        self
    }
}

pub(super) fn recording(
    to: u64,
    scopes: impl IntoIterator<Item = ScopeTrack>,
    children: impl IntoIterator<Item = ChildTrack>,
) -> Recording {
    Recording {
        scopes: scopes.into_iter().collect(),
        children: children.into_iter().collect(),
        from: Duration::ZERO,
        to: us(to),
        dropped: 0,
    }
}
