//! All failures of one nursery.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::as_error::source_of;
use super::head::{by_debug, by_display};
use super::iter::is_safe_to_drop;
use super::nested::{Around, Showing};
use super::shown::write_nested;
use super::{AsError, ChildError, Counts, Failure, IntoIter, Iter, Shown};
use crate::cancel::{Cause, How};
use crate::guard::keep_and_drop;
use crate::info::{ChildInfo, Owner};

/// Every failure of a nursery's children, in the order in which they came. It is never empty.
///
/// One failure has the same shape as a thousand. A child that was a nursery itself, spawned with
/// [`spawn_group`](crate::Nursery::spawn_group), is one entry that holds its own joined error, so
/// nested nurseries make a tree of groups of one type. No method recurses into that tree, nor does
/// dropping it: any depth will do. Dropping it drops all of it, in the order of
/// [`leaves`](Self::leaves), also where destructors of errors panic: the first of these panics goes
/// on once all is dropped.
///
/// | format | shows | asks of `E` |
/// |---|---|---|
/// | `{}` | one line that names the first ten failures, and counts the others | `Display` |
/// | `{:#}` | the tree, a row for each failure | `Display` |
/// | `{:?}` | the tree, errors by their `Debug` | `Debug` |
/// | `{:#?}` | the structure | `Debug` |
///
/// All but the last are bounded; [`line`](Self::line) and [`tree`](Self::tree) have the limits, and
/// say what is shown. What an error was caused by is shown where its `{:#}` tells it, as that of
/// anyhow and eyre does, or where it was told [how to find it](crate::Nursery::sources).
///
/// [`Error::source`] is `None`: what failed is in the text already.
///
/// # Examples
///
/// ```
/// use nestling::{JoinedError, Nursery};
///
/// let mut nursery: Nursery<'_, (), _> = Nursery::new();
/// nursery.spawn(async { Err("connection refused") });
/// nursery.spawn(async { Ok(()) });
/// nursery.spawn(async { Err("disk full") });
///
/// let error: JoinedError<&str> = futures::executor::block_on(nursery.join()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "2 of 3 children failed: #0: connection refused; #2: disk full",
/// );
/// ```
///
/// A `main` that returns a joined error prints its `{:?}`: the tree, with errors by their `Debug`.
/// For a reader of the program's output, print `{:#}` and return a code:
///
/// ```no_run
/// use std::process::ExitCode;
///
/// # use nestling::{JoinedError, Nursery};
/// # async fn check_all() -> Result<(), JoinedError<String>> {
/// #     let mut nursery: Nursery<'_, (), _> = Nursery::new();
/// #     nursery.spawn(async { Err("disk full".to_owned()) });
/// #     nursery.join().await.map(drop)
/// # }
/// fn main() -> ExitCode {
///     match futures::executor::block_on(check_all()) {
///         Ok(()) => ExitCode::SUCCESS,
///         Err(error) => {
///             eprintln!("{error:#}");
///             ExitCode::FAILURE
///         }
///     }
/// }
/// ```
pub struct JoinedError<E>(pub(super) Box<Joined<E>>);

/// The form in which failures are stored: a single one needs no allocation of its own.
pub(crate) type Stored<E> = SmallVec<[ChildError<E>; 1]>;

/// How to come from an error to its source, where the error type has one.
pub(crate) type Sources<E> = fn(&E) -> Option<&(dyn Error + 'static)>;

pub(super) struct Joined<E> {
    pub(super) owner: Owner,
    pub(super) name: Option<Arc<str>>,
    pub(super) counts: Counts,
    pub(super) cause: Option<Cause>,
    // Made by `From`: the one entry is the error of the work around a nursery, not of one in it.
    pub(super) bare: bool,
    // A group without one is shown with that of the group around it.
    pub(super) sources: Option<Sources<E>>,
    // Never empty, except in what is being taken apart.
    pub(super) entries: Entries<E>,
}

impl<E> JoinedError<E> {
    pub(crate) fn new(
        name: Option<Arc<str>>,
        entries: Stored<E>,
        counts: Counts,
        cause: Option<Cause>,
    ) -> Self {
        debug_assert!(!entries.is_empty(), "a joined error holds at least one failure");
        let entries = Entries(entries);
        let owner = Owner::Nursery;
        Self(Box::new(Joined { owner, name, counts, cause, bare: false, sources: None, entries }))
    }

    /// Says what it is of, and how errors lead to their sources.
    pub(crate) fn of(mut self, owner: Owner, sources: Option<Sources<E>>) -> Self {
        self.0.owner = owner;
        self.0.sources = sources;
        self
    }

    /// The error that was made a joined error by [`From`], and is that of no nursery.
    pub(crate) fn into_bare(self) -> Result<E, Self> {
        if !self.0.bare || !self.first().failure().is_error() {
            return Err(self);
        }
        match self.into_first().into_failure() {
            Failure::Error(error) => Ok(error),
            _ => unreachable!("it was just seen to be one"),
        }
    }

    /// The number of failures stored, groups counted as one: at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.entries.0.len()
    }

    /// How the children of the nursery ended.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counts
    }

    /// The nursery's name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Why the nursery was cancelled, if it was.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        self.0.cause.as_ref()
    }

    /// The primary failure: the one that came first.
    #[must_use]
    pub fn first(&self) -> &ChildError<E> {
        &self.0.entries.0[0]
    }

    /// The primary failure by value; the others are dropped.
    #[must_use]
    pub fn into_first(self) -> ChildError<E> {
        let mut entries = self.into_iter();
        match entries.next() {
            Some(first) => keep_and_drop(first, entries),
            None => unreachable!("a joined error holds at least one failure"),
        }
    }

    /// The failures in the order in which they came, a group as one.
    pub fn iter(&self) -> Iter<'_, E> {
        Iter(self.0.entries.0.iter())
    }

    /// The line that `{}` shows, to be shown within limits of your own.
    pub fn line(&self) -> Shown<'_, E> {
        Shown::line(self)
    }

    /// The tree that `{:#}` shows, to be shown within limits of your own.
    pub fn tree(&self) -> Shown<'_, E> {
        Shown::tree(self)
    }

    /// Lets the line and the tree say what each error was caused by, from its
    /// [`source`](Error::source) down, as far as the error does not say so itself.
    ///
    /// `E` need not be an [`Error`], so a joined error cannot ask its errors for their sources
    /// unless it is told how; a nursery can be told [beforehand](crate::Nursery::sources). It
    /// remembers also as a `Box<dyn Error>`; [`map`](Self::map) forgets.
    #[must_use]
    pub fn with_sources(self) -> Self
    where
        E: AsError,
    {
        self.with_sources_by(source_of)
    }

    /// [`with_sources`](Self::with_sources) for errors that only lead to an [`Error`].
    ///
    /// For a `Box<dyn Error + Send + Sync>` and the like that is
    /// `with_sources_by(|error| error.source())`.
    #[must_use]
    pub fn with_sources_by(mut self, source: fn(&E) -> Option<&(dyn Error + 'static)>) -> Self {
        self.0.sources = Some(source);
        self
    }
}

/// An error that is no child's: that of the work around the children.
///
/// So `?` serves in a future that is spawned as a [group](crate::Nursery::spawn_group), before and
/// after its nursery: what failed there is then the child's own error, and no group. Elsewhere it
/// is shown as that of a body, with the line that the conversion stands on; it counts no children.
///
/// # Examples
///
/// ```
/// # use nestling::{JoinedError, Nursery};
/// async fn upload(folder: &str) -> Result<(), JoinedError<String>> {
///     if folder.is_empty() {
///         return Err(String::from("no folder was given").into());
///     }
///     let mut nursery = Nursery::new();
///     nursery.spawn(async { Ok(()) });
///     nursery.join().await.map(drop)
/// }
///
/// let error = futures::executor::block_on(upload("")).unwrap_err();
/// assert_eq!(error.to_string(), "the body failed: no folder was given");
/// ```
impl<E> From<E> for JoinedError<E> {
    #[track_caller]
    fn from(error: E) -> Self {
        let body = ChildInfo::body(Location::caller());
        let entry = ChildError::new(body, Failure::Error(error), How::default());
        let mut joined = Self::new(None, smallvec![entry], Counts::default(), None);
        joined.0.bare = true;
        joined
    }
}

/// `{}` is one line, `{:#}` the tree.
impl<E: fmt::Display> fmt::Display for JoinedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_nested(self, by_display, f.alternate(), f)
    }
}

/// `{:?}` is the tree, `{:#?}` the structure.
impl<E: fmt::Debug> fmt::Debug for JoinedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write_nested(self, by_debug, true, f);
        }
        let Some(_showing) = Showing::enter(Around::Nothing) else {
            return f.write_str("…");
        };
        f.debug_struct("JoinedError")
            .field("name", &self.name())
            .field("counts", &self.counts())
            .field("cause", &self.cause())
            .field("entries", &self.0.entries.0)
            .finish()
    }
}

impl<E: fmt::Debug + fmt::Display> Error for JoinedError<E> {}

/// The entries of one nursery. Dropping them is dropping an [`IntoIter`] of them.
pub(super) struct Entries<E>(pub(super) Stored<E>);

impl<E> Entries<E> {
    pub(super) fn new() -> Self {
        Self(Stored::new())
    }

    pub(super) fn into_iter(mut self) -> IntoIter<E> {
        self.take()
    }

    pub(super) fn take(&mut self) -> IntoIter<E> {
        IntoIter::new(std::mem::take(&mut self.0))
    }
}

impl<E> Drop for Entries<E> {
    fn drop(&mut self) {
        if !is_safe_to_drop(&self.0) {
            drop(self.take());
        }
    }
}
