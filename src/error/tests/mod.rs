//! What a joined error promises, seen from outside as far as that goes.

mod build;
mod deep;
mod destructors;
mod escapes;
mod flatten;
mod laws;
mod line;
mod panics;
mod search;
mod split;
mod spots;
mod structure;
mod tree;
mod types;

use std::any::Any;
use std::sync::Arc;

use super::{ChildError, Counts, Failure, JoinedError, Panic, Shown};
use crate::cancel::{Cause, How};
use crate::info::{ChildId, ChildInfo};

/// A child with a name, or without one where that is empty.
fn child(number: u64, name: &str) -> ChildInfo {
    let name = (!name.is_empty()).then(|| Arc::from(name));
    ChildInfo::new(ChildId::new(number), name, spots::short())
}

fn failed<E>(number: u64, name: &str, error: E) -> ChildError<E> {
    ChildError::new(child(number, name), Failure::Error(error), How::default())
}

fn panicked<E>(number: u64, payload: impl Any + Send) -> ChildError<E> {
    let panic = Panic::of(Box::new(payload));
    ChildError::new(child(number, ""), Failure::Panic(panic), How::default())
}

fn timed_out<E>(number: u64, name: &str) -> ChildError<E> {
    let cause = Cause::requested("too slow".into());
    ChildError::new(child(number, name), Failure::TimedOut(cause), How::default())
}

fn group<E>(number: u64, name: &str, group: JoinedError<E>) -> ChildError<E> {
    ChildError::new(child(number, name), Failure::Group(group), How::default())
}

fn body<E>(error: E) -> ChildError<E> {
    ChildError::new(ChildInfo::body(spots::short()), Failure::Error(error), How::default())
}

fn after_cancel<E>(entry: ChildError<E>) -> ChildError<E> {
    let cause = Cause::requested("enough".into());
    ChildError::new(entry.child().clone(), entry.into_failure(), How::after(Some(cause)))
}

/// A nursery in which `others` children succeeded and each entry is of another child.
fn joined<E>(others: u64, entries: Vec<ChildError<E>>) -> JoinedError<E> {
    named("", others, entries)
}

fn named<E>(name: &str, others: u64, entries: Vec<ChildError<E>>) -> JoinedError<E> {
    let failed = entries.iter().filter(|entry| !entry.child().is_body()).count() as u64;
    with_counts(name, Counts { completed: others, failed, ..Counts::default() }, entries)
}

fn with_counts<E>(name: &str, counts: Counts, entries: Vec<ChildError<E>>) -> JoinedError<E> {
    let name = (!name.is_empty()).then(|| Arc::from(name));
    JoinedError::new(name, entries.into(), counts, None)
}

fn ids<E>(error: &JoinedError<E>) -> Vec<u64> {
    error.iter().map(|entry| entry.child().id().number()).collect()
}

fn errors<E: Copy>(error: &JoinedError<E>) -> Vec<E> {
    error.leaves().filter_map(|leaf| leaf.failure().error().copied()).collect()
}
