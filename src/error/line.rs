//! A joined error on one line.

use std::fmt::{self, Display};
use std::slice;

use super::depth::Depth;
use super::head::{Label, Leaf, LostInside, Says, Who, is_nursery_itself, is_own_body, untold};
use super::{ChildError, Failure, JoinedError};
use crate::text::{Clipped, MAX_MESSAGE, MAX_NAME};

/// Entries shown of one nursery.
const ENTRIES: usize = 10;
/// Entries shown in all.
const TOTAL: usize = 50;
/// Groups shown within each other.
const DEPTH: usize = 8;

/// `3 of 40 children failed: #7 fetch: connection refused; …`.
pub(super) fn joined<E>(
    error: &JoinedError<E>,
    leaf: Leaf<E>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Some(_depth) = Depth::enter() else {
        return f.write_str("…");
    };
    head(error, f)?;
    f.write_str(": ")?;
    entries(List::of(error), leaf, f)
}

/// `#7 fetch: connection refused`.
pub(super) fn entry<E>(
    entry: &ChildError<E>,
    leaf: Leaf<E>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Some(_depth) = Depth::enter() else {
        return f.write_str("…");
    };
    let entry = slice::from_ref(entry).iter();
    entries(List { rest: entry, shown: 0, not_stored: 0, named: false }, leaf, f)
}

fn head<E>(error: &JoinedError<E>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(name) = error.name() {
        write!(f, "nursery \"{}\": ", Clipped::name(name, MAX_NAME))?;
    }
    write!(f, "{} failed", Who(error))
}

fn entries<E>(list: List<'_, E>, leaf: Leaf<E>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut total = 0;
    let mut open = vec![list];
    while let Some(list) = open.last_mut() {
        if list.shown > 0 && list.left() > 0 {
            f.write_str("; ")?;
        }
        let room = list.shown < ENTRIES && total < TOTAL;
        let Some(entry) = room.then(|| list.rest.next()).flatten() else {
            if list.left() > 0 {
                write!(f, "and {} more", list.left())?;
            }
            open.pop();
            if !open.is_empty() {
                f.write_str(")")?;
            }
            continue;
        };
        list.shown += 1;
        total += 1;
        if !list.named {
            write!(f, "{}: ", Label::with_names(entry, MAX_NAME))?;
        }
        if entry.after_cancel() {
            f.write_str("after cancel: ")?;
        }
        match entry.failure() {
            Failure::Group(group) => {
                head(group, f)?;
                LostInside(entry.lost_failures()).fmt(f)?;
                if open.len() < DEPTH {
                    f.write_str(" (")?;
                    open.push(List::of(group));
                } else {
                    f.write_str(" (…)")?;
                }
            }
            failure => {
                write!(f, "{}", Clipped::message(Says { failure, leaf }, MAX_MESSAGE))?;
                LostInside(entry.lost_failures()).fmt(f)?;
            }
        }
    }
    Ok(())
}

/// The entries of one nursery that are still to be written.
struct List<'a, E> {
    rest: slice::Iter<'a, ChildError<E>>,
    shown: usize,
    not_stored: u64,
    // The head has said already which child failed.
    named: bool,
}

impl<'a, E> List<'a, E> {
    fn of(error: &'a JoinedError<E>) -> Self {
        let rest = error.0.entries.0.iter();
        let all = |is: fn(&ChildError<E>) -> bool| rest.clone().all(is);
        let named = error.counts().failed() == 0 && (all(is_own_body) || all(is_nursery_itself));
        Self { rest, shown: 0, not_stored: untold(error), named }
    }

    fn left(&self) -> u64 {
        self.rest.len() as u64 + self.not_stored
    }
}
