//! A joined error as a tree, a line for each failure.

use std::error::Error;
use std::fmt;
use std::iter;

use super::depth::{Depth, MAX_DEPTH};
use super::head::{Label, Leaf, LostInside, Says, Who, is_own_body};
use super::joined::Sources;
use super::rows::{Limits, Row, What, rows, trunk};
use super::{ChildError, Failure, JoinedError};
use crate::text::{Clipped, MAX_MESSAGE, MAX_NAME};

/// Shows a joined error as a tree, within limits. Made by [`JoinedError::tree`].
///
/// ```text
/// nursery "sync" failed: 3 of 40 children (35 completed, 2 cancelled), first #7
/// ├─ #7 fetch       src/main.rs:31   connection refused
/// │     caused by: os error 111
/// ├─ #9             src/main.rs:34   panicked: index out of bounds
/// └─ #12 uploads    src/main.rs:40   nursery "uploads" failed: 1 of 3 children, first #3
///    └─ #3 put      src/up.rs:9      after cancel: flush failed
/// ```
///
/// What is beyond a limit is counted, as `… and 25 more`. Columns are aligned by characters, so
/// those that a terminal shows wide shift the rest of their line.
#[must_use = "a tree does nothing until it is formatted"]
pub struct Tree<'a, E> {
    error: &'a JoinedError<E>,
    width: usize,
    limits: Limits,
    locations: bool,
    sources: Option<Sources<E>>,
}

impl<'a, E> Tree<'a, E> {
    pub(super) fn new(error: &'a JoinedError<E>) -> Self {
        let limits = Limits { depth: MAX_DEPTH, entries: 50, total: 500, names: MAX_NAME };
        Self { error, width: MAX_MESSAGE, limits, locations: true, sources: None }
    }

    /// Cuts what an error says at this many characters, instead of 300.
    pub fn width(mut self, chars: usize) -> Self {
        self.width = chars;
        self
    }

    /// Cuts names at this many characters, instead of 40.
    ///
    /// That is a child's name with the number before it, and the name of a nursery. Children whose
    /// names begin alike, such as the URLs of one host, can be told apart only if they are not cut.
    pub fn names(mut self, chars: usize) -> Self {
        self.limits.names = chars;
        self
    }

    /// Shows this many levels of failures within each other, instead of 16.
    pub fn depth(mut self, levels: usize) -> Self {
        self.limits.depth = levels;
        self
    }

    /// Shows this many failures of each nursery, instead of 50.
    pub fn entries(mut self, entries: usize) -> Self {
        self.limits.entries = entries;
        self
    }

    /// Shows this many failures in all, instead of 500.
    pub fn total(mut self, entries: usize) -> Self {
        self.limits.total = entries;
        self
    }

    /// Says whether to show the lines that spawned the children, as it does unless told otherwise.
    ///
    /// They help a developer; for users of the program they may be of no use.
    pub fn locations(mut self, shown: bool) -> Self {
        self.locations = shown;
        self
    }

    /// Says what each error was caused by, from its [`source`](Error::source) down, as
    /// [`JoinedError::with_sources`] does for good.
    pub fn sources(mut self) -> Self
    where
        E: Error + 'static,
    {
        self.sources = Some(E::source);
        self
    }

    fn write(&self, leaf: Leaf<E>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(_depth) = Depth::enter() else {
            return f.write_str("…");
        };
        self.title(self.error, f)?;
        let rows = rows(self.error, self.sources, self.limits);
        let columns = Columns::of(&rows, self.locations);
        for row in &rows {
            let branch = if row.last { "└─ " } else { "├─ " };
            write!(f, "\n{}{branch}", row.indent)?;
            match &row.what {
                What::More(more) => write!(f, "… and {more} more")?,
                What::Entry { entry, sources, label, location } => {
                    columns.write(row.indent_chars(), label, location, f)?;
                    self.failure(entry, leaf, f)?;
                    self.causes(row, entry, *sources, f)?;
                }
            }
        }
        Ok(())
    }

    fn title(&self, error: &JoinedError<E>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nursery")?;
        if let Some(name) = error.name() {
            write!(f, " \"{}\"", Clipped::name(name, self.limits.names))?;
        }
        write!(f, " failed: {}", Who(error))?;
        match (error.counts().completed(), error.counts().cancelled()) {
            (0, 0) => {}
            (completed, 0) => write!(f, " ({completed} completed)")?,
            (0, cancelled) => write!(f, " ({cancelled} cancelled)")?,
            (completed, cancelled) => write!(f, " ({completed} completed, {cancelled} cancelled)")?,
        }
        match error.first() {
            body if is_own_body(body) && error.len() == 1 => Ok(()),
            first => write!(f, ", first {}", Label::ids_only(first)),
        }
    }

    fn failure(
        &self,
        entry: &ChildError<E>,
        leaf: Leaf<E>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        if entry.after_cancel() {
            f.write_str("after cancel: ")?;
        }
        match entry.failure() {
            Failure::Group(group) => self.title(group, f)?,
            failure => write!(f, "{}", Clipped::message(Says { failure, leaf }, self.width))?,
        }
        fmt::Display::fmt(&LostInside(entry.lost_failures()), f)
    }

    fn causes(
        &self,
        row: &Row<'_, E>,
        entry: &ChildError<E>,
        sources: Option<Sources<E>>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        /// A chain of sources could be without end.
        const CAUSES: usize = 10;
        let (Some(sources), Some(error)) = (sources, entry.failure().error()) else {
            return Ok(());
        };
        let mut causes = iter::successors(sources(error), |&error| error.source());
        let indent = format!("\n{}{}   caused by: ", row.indent, trunk(row.last));
        for cause in causes.by_ref().take(CAUSES) {
            write!(f, "{indent}{}", Clipped::message(cause, self.width))?;
        }
        if causes.next().is_some() {
            write!(f, "{indent}…")?;
        }
        Ok(())
    }
}

impl<E: fmt::Display> fmt::Display for Tree<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(E::fmt, f)
    }
}

/// The same tree; what an error says is its `Debug` on one line.
impl<E: fmt::Debug> fmt::Debug for Tree<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(E::fmt, f)
    }
}

/// Where the columns are, the same on all levels.
struct Columns {
    location: usize,
    /// Behind the locations, if they are shown.
    text: Option<usize>,
}

impl Columns {
    fn of<E>(rows: &[Row<'_, E>], locations: bool) -> Self {
        /// One long name deep in the tree must not push the columns of all others away.
        const MAX_LOCATION: usize = 60;
        let mut columns = Self { location: 0, text: locations.then_some(0) };
        for row in rows {
            if let What::Entry { label, location, .. } = &row.what {
                let label = row.indent_chars() + label.chars().count();
                columns.location = columns.location.max(label.min(MAX_LOCATION));
                columns.text = columns.text.map(|text| text.max(location.chars().count()));
            }
        }
        columns
    }

    fn write(
        &self,
        indent: usize,
        label: &str,
        location: &str,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let label_width = self.location.saturating_sub(indent);
        write!(f, "{label:label_width$}    ")?;
        match self.text {
            Some(width) => write!(f, "{location:width$}   "),
            None => Ok(()),
        }
    }
}
