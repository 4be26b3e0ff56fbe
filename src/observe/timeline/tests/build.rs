//! Builds recordings by hand, with times in microseconds.

use std::sync::Arc;
use std::time::Duration;

use super::spots::spot;
use crate::info::{ChildId, ChildInfo, Owner};
use crate::observe::timeline::recording::{ChildTrack, PollSpan, Recording, ScopeTrack};
use crate::observe::{EndKind, WokenBy};

pub(crate) fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Nursery number 1 without a name, and no children yet.
pub(crate) fn empty() -> Recording {
    let scope =
        ScopeTrack { number: 1, owner: Owner::Nursery, name: None, parent: None, limit: None };
    Recording { scopes: vec![scope], ..Recording::default() }
}

/// Number 1, inside this child.
pub(crate) fn inside(number: u64, parent: u64) -> ScopeTrack {
    ScopeTrack { number, owner: Owner::Pool, name: None, parent: Some(parent), limit: Some(2) }
}

/// A child that has not ended, with its polls. Its number is also its id.
pub(crate) fn child(number: u64, name: &str, spawned: u64, polls: Vec<PollSpan>) -> ChildTrack {
    ChildTrack {
        number,
        scope: 1,
        info: info(number, name),
        spawned_by: None,
        spawned: us(spawned),
        started: polls.first().map(|poll| poll.began),
        ended: None,
        polls,
    }
}

pub(crate) fn info(number: u64, name: &str) -> ChildInfo {
    let name = (!name.is_empty()).then(|| Arc::from(name));
    ChildInfo::new(ChildId::new(number), name, spot())
}

impl ChildTrack {
    pub(crate) fn ends(self, at: u64, kind: EndKind) -> Self {
        Self { ended: Some((us(at), kind)), ..self }
    }

    pub(crate) fn completes(self, at: u64) -> Self {
        self.ends(at, EndKind::Completed)
    }

    pub(crate) fn spawned_by(self, number: u64) -> Self {
        Self { spawned_by: Some(number), ..self }
    }

    pub(crate) fn in_scope(self, scope: u64) -> Self {
        Self { scope, ..self }
    }
}

/// A poll that came without a wake.
pub(crate) fn poll(began: u64, ended: u64) -> PollSpan {
    PollSpan { began: us(began), ended: us(ended), woken: None }
}

impl PollSpan {
    pub(crate) fn woken(self, at: u64, by: WokenBy) -> Self {
        Self { woken: Some((us(at), by)), ..self }
    }
}

pub(crate) fn by(number: u64, name: &str) -> WokenBy {
    WokenBy::Child { number, info: info(number, name) }
}

impl Recording {
    pub(crate) fn with(mut self, children: Vec<ChildTrack>, to: u64) -> Self {
        self.children = children;
        self.to = us(to);
        self
    }
}
