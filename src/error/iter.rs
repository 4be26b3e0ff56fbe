//! Iterators over the failures of a joined error.

use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::slice;

use super::{ChildError, Failure, JoinedError, Stored};
use crate::guard::FirstPanic;

/// The failures of a joined error, in the order in which they came.
///
/// Made by [`JoinedError::iter`].
#[must_use = "iterators are lazy"]
pub struct Iter<'a, E>(pub(super) slice::Iter<'a, ChildError<E>>);

/// The failures of a joined error by value, in the order in which they came.
///
/// What it has not handed out is dropped with it, as with a [`JoinedError`].
#[must_use = "iterators are lazy"]
pub struct IntoIter<E>(smallvec::IntoIter<[ChildError<E>; 1]>);

/// The failures of a whole tree that are no groups, depth first.
///
/// Made by [`JoinedError::leaves`].
#[must_use = "iterators are lazy"]
pub struct Leaves<'a, E> {
    // One for each group that is open, the innermost last.
    open: Vec<slice::Iter<'a, ChildError<E>>>,
}

impl<E> JoinedError<E> {
    /// All failures of the tree that are no groups, depth first: the failures of a group come where
    /// the group is.
    pub fn leaves(&self) -> Leaves<'_, E> {
        Leaves { open: vec![self.0.entries.0.iter()] }
    }
}

impl<E> IntoIter<E> {
    pub(super) fn new(entries: Stored<E>) -> Self {
        Self(entries.into_iter())
    }

    /// The entry that comes next.
    pub(super) fn peek(&self) -> Option<&ChildError<E>> {
        self.0.as_slice().first()
    }

    /// What is left, and in the place of each group what that holds.
    pub(super) fn leaves(self) -> impl Iterator<Item = ChildError<E>> {
        let mut level = self;
        // The levels around it, the outermost first.
        let mut around = Vec::new();
        std::iter::from_fn(move || {
            loop {
                match level.next() {
                    Some(ChildError { failure: Failure::Group(group), .. }) => {
                        around.push(mem::replace(&mut level, group.into_iter()));
                    }
                    Some(leaf) => return Some(leaf),
                    None => level = around.pop()?,
                }
            }
        })
    }
}

/// Drops every failure, those of a group where the group is, by a loop and not by recursion.
///
/// A destructor that panics keeps no other from being run. The first panic goes on after all of
/// them, if the thread is not panicking already.
impl<E> Drop for IntoIter<E> {
    fn drop(&mut self) {
        if is_safe_to_drop(self.0.as_slice()) {
            return;
        }
        let rest = mem::replace(self, Self::new(Stored::new()));
        let mut first = FirstPanic::default();
        first.drop_each(rest.leaves());
        first.resume();
    }
}

/// Whether no more than one destructor can panic: then the entries need neither guard nor loop.
pub(super) fn is_safe_to_drop<E>(entries: &[ChildError<E>]) -> bool {
    match entries {
        [] => true,
        [entry] => !entry.failure.is_group() && !std::thread::panicking(),
        _ if mem::needs_drop::<E>() => false,
        _ => !entries.iter().any(|entry| entry.failure.is_group() || entry.failure.is_panic()),
    }
}

impl<'a, E> Iterator for Leaves<'a, E> {
    type Item = &'a ChildError<E>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.open.last_mut()?.next() {
                Some(entry) => match entry.failure() {
                    Failure::Group(group) => self.open.push(group.0.entries.0.iter()),
                    _ => return Some(entry),
                },
                None => drop(self.open.pop()),
            }
        }
    }
}

impl<'a, E> Iterator for Iter<'a, E> {
    type Item = &'a ChildError<E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<E> Iterator for IntoIter<E> {
    type Item = ChildError<E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<E> DoubleEndedIterator for Iter<'_, E> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl<E> DoubleEndedIterator for IntoIter<E> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl<E> ExactSizeIterator for Iter<'_, E> {}
impl<E> ExactSizeIterator for IntoIter<E> {}
impl<E> FusedIterator for Iter<'_, E> {}
impl<E> FusedIterator for IntoIter<E> {}
impl<E> FusedIterator for Leaves<'_, E> {}

impl<E> Clone for Iter<'_, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Clone for Leaves<'_, E> {
    fn clone(&self) -> Self {
        Self { open: self.open.clone() }
    }
}

impl<E: fmt::Debug> fmt::Debug for Iter<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<E: fmt::Debug> fmt::Debug for IntoIter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.as_slice()).finish()
    }
}

impl<E: fmt::Debug> fmt::Debug for Leaves<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a, E> IntoIterator for &'a JoinedError<E> {
    type Item = &'a ChildError<E>;
    type IntoIter = Iter<'a, E>;

    fn into_iter(self) -> Iter<'a, E> {
        self.iter()
    }
}

impl<E> IntoIterator for JoinedError<E> {
    type Item = ChildError<E>;
    type IntoIter = IntoIter<E>;

    fn into_iter(self) -> IntoIter<E> {
        self.0.entries.into_iter()
    }
}
