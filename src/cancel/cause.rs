//! Why something was cancelled.

use std::fmt;
use std::sync::Arc;

use crate::info::ChildInfo;
use crate::text::Escaped;

/// Why a child or a nursery was cancelled.
///
/// The first cause wins: what is cancelled twice keeps the cause it was cancelled with first. A clone
/// shares the text with the original and costs one reference count.
#[derive(Clone)]
pub struct Cause(Arc<Inner>);

struct Inner {
    kind: CauseKind,
    child: Option<ChildInfo>,
    message: Option<Box<str>>,
    parent: Option<Cause>,
}

/// The kinds of [`Cause`].
///
/// This version makes `ChildFailed`, `Requested` and `Finished`. The others are named already, so
/// that a program can tell them apart when they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CauseKind {
    /// A child failed, and the nursery stops on such a failure.
    ChildFailed,
    /// Someone asked for it, by a handle or on the nursery.
    Requested,
    /// The nursery's deadline passed.
    Deadline,
    /// The child's own timeout passed.
    Timeout,
    /// Nothing waits for the child any more: what it was there for has ended.
    Finished,
    /// Something the child depends on was lost.
    DependencyLost,
}

impl Cause {
    pub(crate) fn requested(reason: String) -> Self {
        Self::new(CauseKind::Requested, None, Some(reason))
    }

    pub(crate) fn child_failed(child: ChildInfo, message: Option<String>) -> Self {
        Self::new(CauseKind::ChildFailed, Some(child), message)
    }

    pub(crate) fn finished(child: ChildInfo) -> Self {
        Self::new(CauseKind::Finished, Some(child), None)
    }

    fn new(kind: CauseKind, child: Option<ChildInfo>, message: Option<String>) -> Self {
        let message = message.filter(|text| !text.is_empty()).map(String::into_boxed_str);
        Self(Arc::new(Inner { kind, child, message, parent: None }))
    }

    /// What kind of cause this is.
    #[must_use]
    pub fn kind(&self) -> CauseKind {
        self.0.kind
    }

    /// The child that brought it about: the one that failed, or the one that won.
    #[must_use]
    pub fn child(&self) -> Option<&ChildInfo> {
        self.0.child.as_ref()
    }

    /// The reason that was given, or the text of the failure.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The cause in the scope around, where this one follows from it. A child is dropped with the
    /// nurseries in it, before these could be cancelled themselves; so far no cause has a parent.
    #[must_use]
    pub fn parent(&self) -> Option<&Cause> {
        self.0.parent.as_ref()
    }
}

/// One line, control characters escaped and long text cut:
/// `child #7 fetch failed: connection refused`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind(), self.child()) {
            (CauseKind::ChildFailed, Some(child)) if child.is_body() => {
                f.write_str("the body failed")?
            }
            (CauseKind::ChildFailed, Some(child)) => write!(f, "child {child} failed")?,
            (CauseKind::Finished, Some(child)) => write!(f, "child {child} succeeded first")?,
            (CauseKind::ChildFailed, None) => f.write_str("a child failed")?,
            (CauseKind::Finished, None) => f.write_str("finished")?,
            (CauseKind::Requested, _) => f.write_str("requested")?,
            (CauseKind::Deadline, _) => f.write_str("the deadline passed")?,
            (CauseKind::Timeout, _) => f.write_str("timed out")?,
            (CauseKind::DependencyLost, _) => f.write_str("a dependency was lost")?,
        }
        match self.message() {
            Some(message) => write!(f, ": {}", Escaped(message)),
            None => Ok(()),
        }
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
        if let Some(parent) = self.parent() {
            all.field("parent", parent);
        }
        all.finish()
    }
}
