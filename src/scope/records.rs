//! What has ended and was not handed out yet.

use std::collections::VecDeque;
use std::iter;

use super::collected::Bounds;
use crate::cancel::{Cause, How};
use crate::error::ChildError;
use crate::guard::{FirstPanic, drop_quietly};
use crate::info::{ChildId, ChildInfo};
use crate::report::{Completion, Outcome};

/// Completions in the order in which they came.
///
/// In a box: most outputs are handed out at once, and then nothing is kept here.
pub(crate) struct Records<T, E>(Option<Box<Kept<T, E>>>);

/// Failures stand in a queue of their own, so that an output takes no room for an error.
struct Kept<T, E> {
    order: VecDeque<Record<T>>,
    failures: VecDeque<ChildError<E>>,
    /// The latest failure beyond a bound, and how many records stand before it. It is kept since
    /// all failures within the bound may be handed out, and the run must fail all the same.
    spare: Option<Box<(usize, ChildError<E>)>>,
    /// Cancelled children among the records.
    cancelled: usize,
}

/// Room for so many records is kept.
const KEPT: usize = 64;

enum Record<T> {
    Completed(ChildInfo, T, How),
    Delivered(ChildInfo, How),
    /// The first of `failures`.
    Failed,
    Cancelled(ChildInfo, Cause, How),
}

impl<T, E> Records<T, E> {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|kept| kept.is_empty())
    }

    fn kept(&mut self) -> &mut Kept<T, E> {
        self.0.get_or_insert_with(|| {
            Box::new(Kept {
                order: VecDeque::new(),
                failures: VecDeque::new(),
                spare: None,
                cancelled: 0,
            })
        })
    }

    #[inline]
    pub(crate) fn push(&mut self, completion: Completion<T, E>) {
        self.kept().push(completion);
    }

    /// Keeps a completion if it is within the bounds, and of failures the first ones and the
    /// latest. Says whether another failure was dropped for it.
    pub(crate) fn push_within(&mut self, completion: Completion<T, E>, bounds: Bounds) -> bool {
        match completion.outcome() {
            Outcome::Completed(_) | Outcome::Delivered if !bounds.outputs => {
                drop_quietly(completion);
            }
            Outcome::Failed(error)
                if !error.is_decisive() && self.kept().failures.len() >= bounds.errors as usize =>
            {
                if let Outcome::Failed(error) = completion.into_outcome() {
                    let kept = self.kept();
                    let dropped = kept.spare.replace(Box::new((kept.order.len(), error)));
                    let any = dropped.is_some();
                    drop_quietly(dropped);
                    return any;
                }
            }
            Outcome::Cancelled(_) if self.kept().cancelled >= bounds.cancelled as usize => {}
            _ => self.push(completion),
        }
        false
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Completion<T, E>> {
        self.0.as_mut()?.pop()
    }

    /// How many failures are among them.
    pub(crate) fn failures(&self) -> u64 {
        let failures = |kept: &Kept<T, E>| kept.failures.len() + usize::from(kept.spare.is_some());
        self.0.as_deref().map_or(0, failures) as u64
    }

    /// Whether what is next is a failure of this child.
    pub(crate) fn begins_with_failure_of(&self, child: ChildId) -> bool {
        let next = self.0.as_ref().and_then(|kept| kept.next_failure());
        next.is_some_and(|error| error.child().id() == child)
    }

    /// Whether a failure of this child is among them.
    pub(crate) fn has_failure_of(&self, child: ChildId) -> bool {
        let mut failures = self.0.iter().flat_map(|kept| &kept.failures);
        failures.any(|error| error.child().id() == child)
    }
}

impl<T, E> Kept<T, E> {
    #[inline]
    fn is_empty(&self) -> bool {
        self.order.is_empty() && self.spare.is_none()
    }

    /// What is next, if that is a failure.
    fn next_failure(&self) -> Option<&ChildError<E>> {
        match (self.spare.as_deref(), self.order.front()) {
            (Some((0, error)), _) => Some(error),
            (_, Some(Record::Failed)) => self.failures.front(),
            _ => None,
        }
    }

    #[inline]
    fn push(&mut self, completion: Completion<T, E>) {
        let (child, outcome, how) = completion.into_all();
        self.order.push_back(match outcome {
            Outcome::Completed(output) => Record::Completed(child, output, how),
            Outcome::Delivered => Record::Delivered(child, how),
            Outcome::Cancelled(cause) => {
                self.cancelled += 1;
                Record::Cancelled(child, cause, how)
            }
            Outcome::Failed(error) => {
                self.failures.push_back(error);
                Record::Failed
            }
        });
    }

    #[inline]
    fn pop(&mut self) -> Option<Completion<T, E>> {
        match &mut self.spare {
            None => {}
            Some(spare) if spare.0 > 0 => spare.0 -= 1,
            Some(_) => return self.spare.take().map(|spare| Completion::failed(spare.1)),
        }
        let record = self.order.pop_front()?;
        if self.order.is_empty() && self.order.capacity() > KEPT {
            // Many children ended at once, as with a cancel: that memory is for others now.
            self.order = VecDeque::new();
            self.failures.shrink_to(1);
        }
        Some(match record {
            Record::Completed(child, output, how) => {
                Completion::new(child, Outcome::Completed(output), how)
            }
            Record::Delivered(child, how) => Completion::new(child, Outcome::Delivered, how),
            Record::Failed => Completion::failed(self.failures.pop_front()?),
            Record::Cancelled(child, cause, how) => {
                self.cancelled -= 1;
                Completion::new(child, Outcome::Cancelled(cause), how)
            }
        })
    }
}

/// Each is dropped even where the destructor of another panics. The first panic goes on.
impl<T, E> Drop for Records<T, E> {
    fn drop(&mut self) {
        if self.is_empty() {
            return;
        }
        let mut first = FirstPanic::default();
        first.drop_each(iter::from_fn(|| self.pop()));
        first.resume();
    }
}
