//! One failure, and the child that it is of.

use std::error::Error;
use std::fmt;

use super::head::{Label, by_debug, by_display, untold};
use super::joined::Sources;
use super::path::{Ancestors, Path};
use super::walk::has_given_up;
use super::{Failure, line};
use crate::cancel::{Cause, How};
use crate::info::ChildInfo;

/// One failure of one child: which child, how, and whether it was being cancelled at that time.
///
/// An entry of a [`JoinedError`](crate::JoinedError); [`Nursery::next`](crate::Nursery::next) and
/// [`Nursery::on_failure`](crate::Nursery::on_failure) give it alone.
///
/// A child that fails twice, say by its error and then by a panic in its destructor, leaves two.
pub struct ChildError<E> {
    pub(super) origin: Origin,
    pub(super) failure: Failure<E>,
    /// How the error leads to what it was caused by, if that was said.
    pub(super) sources: Option<Sources<E>>,
}

/// What is known of a failure besides the failure itself.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) child: ChildInfo,
    pub(super) how: How,
    /// Empty unless groups around the entry were dissolved.
    pub(super) path: Path,
}

impl<E> ChildError<E> {
    pub(crate) fn new(child: ChildInfo, failure: Failure<E>, how: How) -> Self {
        Self { origin: Origin { child, how, path: Path::default() }, failure, sources: None }
    }

    /// The same failure, as that of another child.
    pub(crate) fn with_child(mut self, child: ChildInfo) -> Self {
        self.origin.child = child;
        self
    }

    /// Says how the error leads to what it was caused by.
    pub(crate) fn with_sources_by(mut self, sources: Option<Sources<E>>) -> Self {
        self.sources = sources;
        self
    }

    /// The failure that its text is about: of a group that holds one and nothing else, that one.
    pub(super) fn end_of_path(&self) -> &Self {
        let mut end = self;
        while let Failure::Group(group) = &end.failure {
            if group.len() > 1 || untold(group) > 0 || has_given_up(group) {
                break;
            }
            end = group.first();
        }
        end
    }

    pub(crate) fn how(&self) -> &How {
        &self.origin.how
    }

    /// Says that it has cancelled its nursery.
    pub(crate) fn decide(&mut self) {
        self.origin.how.decisive = true;
    }

    /// Whether it has cancelled its nursery, so that it is kept whatever the bounds are.
    pub(crate) fn is_decisive(&self) -> bool {
        self.origin.how.decisive
    }

    /// The child that failed.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        &self.origin.child
    }

    /// How it failed.
    #[must_use]
    pub fn failure(&self) -> &Failure<E> {
        &self.failure
    }

    /// The child's own error, if it failed by one that is no group.
    #[must_use]
    pub fn error(&self) -> Option<&E> {
        self.failure.error()
    }

    /// The failure itself.
    #[must_use]
    pub fn into_failure(self) -> Failure<E> {
        self.failure
    }

    /// Why the child was cancelled or had run out of time, if that came before its end; or its
    /// nursery was.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match &self.failure {
            Failure::TimedOut(cause) => Some(cause),
            _ => self.origin.how.cause.as_ref(),
        }
    }

    /// Whether the child failed while it was being cancelled, or its nursery was. A child that has
    /// [timed out](Failure::TimedOut) has not failed after that, but by it.
    #[must_use]
    pub fn after_cancel(&self) -> bool {
        self.origin.how.cause.is_some() && !self.failure.is_timed_out()
    }

    /// Whether the child had a grace, and had to be dropped when that was over.
    #[must_use]
    pub fn overran_grace(&self) -> bool {
        self.origin.how.overran
    }

    /// The failures of nurseries inside the child that were dropped before they could tell them;
    /// see [`Counts::not_stored`](crate::outcome::Counts::not_stored).
    #[must_use]
    pub fn lost_failures(&self) -> u32 {
        self.origin.how.lost
    }

    /// The children that the dissolved groups around this failure belonged to, nearest first.
    ///
    /// There are none unless [`JoinedError::flatten`](crate::JoinedError::flatten) dissolved them.
    pub fn ancestors(&self) -> Ancestors<'_> {
        self.origin.path.iter()
    }
}

/// Its text has the text of the failure, so its [`source`](Error::source) is what that was caused
/// by; of a group that holds one failure and nothing else, what this one was caused by.
impl<E: Error + 'static> Error for ChildError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.end_of_path().failure.source()
    }
}

/// One line: `#7 fetch: connection refused`.
impl<E: fmt::Display> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line::entry(self, by_display, f)
    }
}

/// `{:?}` is one line, `{:#?}` the structure.
impl<E: fmt::Debug> fmt::Debug for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return line::entry(self, by_debug, f);
        }
        let mut all = f.debug_struct("ChildError");
        all.field("child", self.child());
        if !self.origin.path.is_empty() {
            all.field("path", &format_args!("{}", Label::of(self)));
        }
        all.field("failure", &self.failure).field("after_cancel", &self.after_cancel());
        if let Some(cause) = self.cause() {
            all.field("cause", cause);
        }
        if self.lost_failures() > 0 {
            all.field("lost_failures", &self.lost_failures());
        }
        all.finish()
    }
}
