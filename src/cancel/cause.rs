//! Why something was cancelled.

use std::fmt;
use std::sync::Arc;

use super::{Lost, LostKind};
use crate::info::{ChildInfo, Owner};
use crate::text::Message;

/// Why a child or a nursery was cancelled.
///
/// Given by the `cause` of what was cancelled: a nursery, a handle, a [`Report`](crate::Report) and
/// each of its [cancelled](crate::outcome::Cancelled) children, and by
/// [`ChildContext::cancelled`](crate::ChildContext::cancelled).
///
/// The first cause wins: what is cancelled twice keeps the cause it was cancelled with first. A
/// clone shares the text with the original and costs one reference count.
#[derive(Clone)]
pub struct Cause(Arc<Inner>);

struct Inner {
    kind: CauseKind,
    child: Option<ChildInfo>,
    message: Option<Box<str>>,
    parent: Option<Cause>,
    /// What the child belongs to.
    owner: Owner,
}

/// The kinds of [`Cause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CauseKind {
    /// A child failed, and the nursery stops on such a failure.
    ChildFailed,
    /// It was asked for, by a handle or on the nursery.
    Requested,
    /// The child that the nursery belongs to was cancelled; [`parent`](Cause::parent) says why.
    Parent,
    /// The nursery's deadline passed.
    Deadline,
    /// The child's own timeout passed.
    Timeout,
    /// Nothing waits for the child any more: what it was there for has ended.
    Finished,
    /// What it depends on was lost: a child's output that another child [cannot go on
    /// without](crate::ChildContext::end_without), or the executor of a [pool](crate::Pool::on).
    DependencyLost,
    /// A supervisor has given up: [`message`](Cause::message) says on which child, and why.
    GaveUp,
}

impl Cause {
    pub(crate) fn requested(reason: String) -> Self {
        Self::new(CauseKind::Requested, None, Some(reason))
    }

    pub(crate) fn child_failed(owner: Owner, child: ChildInfo, message: Option<String>) -> Self {
        Self::of(owner, CauseKind::ChildFailed, Some(child), message, None)
    }

    /// The race was won by this child; or what a daemon was there for has ended.
    pub(crate) fn finished(winner: Option<ChildInfo>) -> Self {
        Self::new(CauseKind::Finished, winner, None)
    }

    pub(crate) fn deadline() -> Self {
        Self::new(CauseKind::Deadline, None, None)
    }

    pub(crate) fn timeout(child: ChildInfo) -> Self {
        Self::new(CauseKind::Timeout, Some(child), None)
    }

    /// The executor of a pool has lost every lane.
    pub(crate) fn executor_lost() -> Self {
        let message = String::from("the executor runs no item any more");
        Self::new(CauseKind::DependencyLost, None, Some(message))
    }

    /// A supervisor has given up on this child.
    pub(crate) fn gave_up(child: ChildInfo, why: String) -> Self {
        Self::of(Owner::Supervisor, CauseKind::GaveUp, Some(child), Some(why), None)
    }

    /// Whether it is that of a supervisor that has given up.
    pub(crate) fn has_given_up(&self) -> bool {
        self.kind() == CauseKind::GaveUp
    }

    /// A child that is needed has no output.
    pub(crate) fn lost(lost: &Lost) -> Self {
        let how = match lost.kind() {
            // What it was cancelled for says more.
            LostKind::Cancelled if lost.cause().is_some() => "",
            LostKind::Failed => "it failed",
            LostKind::Panicked => "it panicked",
            LostKind::TimedOut => "it timed out",
            LostKind::Cancelled => "it was cancelled",
            LostKind::Dropped => "it was dropped with its nursery",
        };
        let (kind, child) = (CauseKind::DependencyLost, Some(lost.child().clone()));
        Self::of(Owner::Nursery, kind, child, Some(how.into()), lost.cause().cloned())
    }

    /// The child around was cancelled, for the cause `parent`.
    pub(crate) fn parent_cancelled(owner: Owner, child: ChildInfo, parent: Self) -> Self {
        Self::of(owner, CauseKind::Parent, Some(child), None, Some(parent))
    }

    fn new(kind: CauseKind, child: Option<ChildInfo>, message: Option<String>) -> Self {
        Self::of(Owner::Nursery, kind, child, message, None)
    }

    fn of(
        owner: Owner,
        kind: CauseKind,
        child: Option<ChildInfo>,
        message: Option<String>,
        parent: Option<Self>,
    ) -> Self {
        let message = message.filter(|text| !text.is_empty()).map(String::into_boxed_str);
        Self(Arc::new(Inner { kind, child, message, parent, owner }))
    }

    /// What kind of cause this is.
    #[must_use]
    pub fn kind(&self) -> CauseKind {
        self.0.kind
    }

    /// The child that brought it about: the one that failed, that won, that ran out of time or that
    /// was needed; or the child that the nursery belongs to.
    #[must_use]
    pub fn child(&self) -> Option<&ChildInfo> {
        self.0.child.as_ref()
    }

    /// The reason that was given, or the text of the failure.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The cause that this one follows from: why the child was cancelled that the nursery is
    /// inside, or that was needed.
    #[must_use]
    pub fn parent(&self) -> Option<&Cause> {
        self.0.parent.as_ref()
    }

    /// The cause at the beginning of the chain; this one if it follows from no other.
    #[must_use]
    pub fn root(&self) -> &Cause {
        let mut root = self;
        while let Some(parent) = root.parent() {
            root = parent;
        }
        root
    }
}

/// A chain is as long as nurseries are nested, and its end needs no stack for that.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(Cause(cause)) = next {
            next = Arc::into_inner(cause).and_then(|mut inner| inner.parent.take());
        }
    }
}

/// One line, control characters escaped and long text cut:
/// `child #7 fetch failed: connection refused`. Of a chain it names the nearest child, and says why
/// that was cancelled in the first place.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.0.owner.part();
        match (self.kind(), self.child()) {
            (CauseKind::ChildFailed, Some(child)) if child.is_body() => {
                f.write_str("the body failed")?
            }
            (CauseKind::ChildFailed, Some(child)) => write!(f, "{part} {} failed", child.label())?,
            (CauseKind::Finished, Some(child)) => {
                write!(f, "{part} {} succeeded first", child.label())?
            }
            (CauseKind::ChildFailed, None) => f.write_str("a child failed")?,
            (CauseKind::Finished, None) => f.write_str("finished")?,
            (CauseKind::Requested, _) => f.write_str("requested")?,
            (CauseKind::Deadline, _) => f.write_str("the deadline passed")?,
            (CauseKind::Timeout, Some(child)) => write!(f, "{part} {} timed out", child.label())?,
            (CauseKind::Timeout, None) => f.write_str("timed out")?,
            (CauseKind::Parent, Some(child)) if child.is_body() => {
                f.write_str("the body was cancelled")?
            }
            (CauseKind::Parent, Some(child)) => {
                write!(f, "{part} {} was cancelled", child.label())?
            }
            (CauseKind::Parent, None) => f.write_str("the child around it was cancelled")?,
            (CauseKind::DependencyLost, Some(child)) => {
                write!(f, "{part} {} was lost", child.label())?
            }
            (CauseKind::DependencyLost, None) => f.write_str("a dependency was lost")?,
            (CauseKind::GaveUp, Some(child)) => write!(f, "gave up on {}", child.label())?,
            (CauseKind::GaveUp, None) => f.write_str("gave up")?,
        }
        match (self.message(), self.parent()) {
            (Some(message), _) => write!(f, ": {}", Message::part(message)),
            // The root has no parent: this goes no deeper.
            (None, Some(_)) => write!(f, ": {}", self.root()),
            (None, None) => Ok(()),
        }
    }
}

/// `kind`, `child`, `message`, the `root` that it follows from, or null, and all of it as `text`.
#[cfg(feature = "serde")]
impl serde::Serialize for Cause {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut all = to.serialize_struct("Cause", 5)?;
        all.serialize_field("kind", &self.kind())?;
        all.serialize_field("child", &self.child())?;
        all.serialize_field("message", &self.message())?;
        // Chains may be long. The root has no parent: this goes no deeper.
        all.serialize_field("root", &self.parent().map(|_| self.root()))?;
        all.serialize_field("text", &self.to_string())?;
        all.end()
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Cause");
        all.field("kind", &self.kind());
        if let Some(child) = self.child() {
            all.field("child", child);
        }
        if let Some(message) = self.message() {
            all.field("message", &message);
        }
        // Chains may be long, and their ends are what is looked for.
        if self.parent().is_some() {
            all.field("root", self.root());
        }
        all.finish()
    }
}
