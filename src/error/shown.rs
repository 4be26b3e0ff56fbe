//! A joined error as text, within limits.

use std::error::Error;
use std::fmt;

use super::as_error::source_of;
use super::head::{Leaf, by_debug, by_display};
use super::joined::Sources;
use super::line::{self, Head};
use super::nested::{Around, Showing, around, hide, note, within_total};
use super::settings::{Part, Settings};
use super::tree::{self, Row};
use super::walk::of_joined;
use super::{AsError, JoinedError};
use crate::info::{ChildInfo, Owner};
use crate::text::Name;

/// Shows a joined error or a report, within limits. Made by [`JoinedError::line`],
/// [`JoinedError::tree`] and [`Report::tree`](crate::Report::tree).
///
/// ```text
/// nursery "sync" failed: 3 of 40 children (35 completed, 2 cancelled), first #7
/// ├─ #7 fetch       src/main.rs:31   connection refused
/// │     caused by: os error 111
/// ├─ #9             src/main.rs:34   panicked: index out of bounds
/// └─ #12 uploads    src/main.rs:40   nursery "uploads" failed: 2 of 3 children (1 completed), first #3
///    ├─ #3 put      src/up.rs:9      after cancel: flush failed
///    └─ … and 25 more
/// ```
///
/// A group that holds one failure and nothing else is shown with it, as a path:
/// `#0 walk > #2 src > #7 a`. What is beyond a limit is counted, as `… and 25 more`. Whatever the
/// limits are, the first failure that is no group is named.
///
/// What an error says is its `{:#}`, by which some error types tell what they were caused by; in
/// the `{:?}` of this it is its `{:?}`. A line has the first line of it, and a tree has all lines,
/// without a backtrace. A joined error that hides in another error's message is shown as a subtree.
///
/// Control characters are escaped, and marks of colour are left out: the text is plain. Columns are
/// aligned by characters, so those that a terminal shows wide shift the rest of their line. A
/// location that all rows have in common stands once, behind the title.
#[must_use = "it does nothing until it is formatted"]
pub struct Shown<'a, E> {
    what: What<'a, E>,
    settings: Settings,
    sources: Option<Sources<E>>,
}

enum What<'a, E> {
    Line(&'a JoinedError<E>),
    Tree(&'a JoinedError<E>),
    Report(Ends<'a, E>),
}

/// What a report has to show.
pub(crate) struct Ends<'a, E> {
    pub(crate) owner: Owner,
    pub(crate) name: Option<&'a str>,
    pub(crate) title: String,
    pub(crate) error: Option<&'a JoinedError<E>>,
    /// The children that did not fail and are shown all the same, with what came of them.
    pub(crate) others: Vec<(&'a ChildInfo, String)>,
}

impl<E> Ends<'_, E> {
    fn title(&self, settings: Settings) -> String {
        let Some(text) = self.name else { return self.title.clone() };
        let name = Name { text, chars: settings.names };
        format!("{} \"{name}\": {}", self.owner.noun(), self.title)
    }

    /// The rows of those that did not fail.
    fn rows(&self, settings: Settings) -> Vec<Row> {
        let listed = self.others.iter().take(settings.entries);
        let row = |(child, text): &(&ChildInfo, String)| Row::entry(child, text.clone(), settings);
        let mut rows: Vec<_> = listed.map(row).collect();
        let left = (self.others.len() - rows.len()) as u64;
        rows.extend((left > 0).then(|| Row::more(left)));
        rows
    }
}

impl<'a, E> Shown<'a, E> {
    fn new(what: What<'a, E>, settings: Settings) -> Self {
        Self { what, settings, sources: None }
    }

    pub(super) fn line(error: &'a JoinedError<E>) -> Self {
        Self::new(What::Line(error), Settings::LINE)
    }

    pub(super) fn tree(error: &'a JoinedError<E>) -> Self {
        Self::new(What::Tree(error), Settings::TREE)
    }

    pub(crate) fn report(ends: Ends<'a, E>) -> Self {
        Self::new(What::Report(ends), Settings::TREE)
    }

    /// Shows every failure that is stored: it lifts the limits of [`entries`](Self::entries) and
    /// [`total`](Self::total).
    pub fn all(self) -> Self {
        self.entries(usize::MAX).total(usize::MAX)
    }

    /// Shows this many failures of each nursery: 10 on a line and 100 in a tree unless set.
    pub fn entries(mut self, entries: usize) -> Self {
        self.settings.entries = entries;
        self
    }

    /// Shows this many failures of all nurseries together: 50 on a line and 500 in a tree unless
    /// set.
    pub fn total(mut self, entries: usize) -> Self {
        self.settings.total = entries;
        self
    }

    /// Shows this many levels of failures within each other: 8 on a line and 16 in a tree unless
    /// set, and at least one. Of a group below them it shows the first failure. A path names as
    /// many children besides the last, the nearest ones.
    pub fn depth(mut self, levels: usize) -> Self {
        self.settings.depth = levels.max(1);
        self
    }

    /// Cuts each line of what an error says at this many characters, instead of 300. On a line it
    /// is all that is said of an error, with what it was caused by.
    pub fn width(mut self, chars: usize) -> Self {
        self.settings.width = chars;
        self
    }

    /// Shows this many lines of what an error says, instead of 30, in a tree. A line has the first.
    pub fn lines(mut self, lines: usize) -> Self {
        self.settings.lines = lines.max(1);
        self
    }

    /// Cuts names at this many characters, instead of 40.
    ///
    /// That is a child's name with the number before it, and the name of a nursery. Names
    /// that begin alike, such as the URLs of one host, can be told apart only if they are not cut.
    pub fn names(mut self, chars: usize) -> Self {
        self.settings.names = chars;
        self
    }

    /// Says whether a tree has the lines that spawned the children, as it does unless told
    /// otherwise.
    ///
    /// They help a developer; for users of the program they may be of no use.
    pub fn locations(mut self, shown: bool) -> Self {
        self.settings.locations = shown;
        self
    }

    /// Says whether children that have a name are shown with their number too, as they are unless
    /// told otherwise.
    ///
    /// For users of the program a name says enough: `port` and not `#3 port`. What a cause says of a
    /// child keeps its number.
    pub fn numbers(mut self, shown: bool) -> Self {
        self.settings.numbers = shown;
        self
    }

    /// Puts marks around the parts of a tree, such as those of colour: the first before it, the
    /// second behind. There are none unless told otherwise.
    ///
    /// Ask for them where the reader is a terminal that shows colours.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::Nursery;
    /// use nestling::failure::Part;
    ///
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), _> = Nursery::new();
    /// nursery.child().name("disk").spawn(async { Err("full") });
    /// let error = nursery.join().await.unwrap_err();
    /// let tree = error.tree().locations(false).marked(|part| match part {
    ///     Part::Child => ("\x1b[1m", "\x1b[0m"), // bold
    ///     _ => ("", ""),
    /// });
    /// assert_eq!(
    ///     tree.to_string(),
    ///     "nursery failed: 1 of 1 child, first #0\n└─ \x1b[1m#0 disk\x1b[0m    full",
    /// );
    /// # });
    /// ```
    pub fn marked(mut self, marks: fn(Part) -> (&'static str, &'static str)) -> Self {
        self.settings.marks = marks;
        self
    }

    /// Shows also the backtraces that errors write in their own text, in a tree. Allow for enough
    /// [`lines`](Self::lines).
    pub fn backtraces(mut self, shown: bool) -> Self {
        self.settings.backtraces = shown;
        self
    }

    /// Shows the failures of each nursery in the order in which their children were spawned, and
    /// not in the order in which they came.
    pub fn by_spawn_order(mut self) -> Self {
        self.settings.by_spawn_order = true;
        self
    }

    /// Says what each error was caused by, from its [`source`](Error::source) down, as
    /// [`JoinedError::with_sources`] does for good.
    pub fn sources(self) -> Self
    where
        E: AsError,
    {
        self.sources_by(source_of)
    }

    /// [`sources`](Self::sources) for errors that only lead to an [`Error`].
    ///
    /// For a `Box<dyn Error + Send + Sync>` and the like that is
    /// `sources_by(|error| error.source())`.
    pub fn sources_by(mut self, source: fn(&E) -> Option<&(dyn Error + 'static)>) -> Self {
        self.sources = Some(source);
        self
    }

    fn write(&self, leaf: Leaf<E>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let around = match self.what {
            What::Line(_) => Around::Line,
            What::Tree(_) | What::Report(_) => Around::Tree(self.settings),
        };
        let Some(_showing) = Showing::enter(around) else {
            return f.write_str("…");
        };
        let (title, rows) = match &self.what {
            What::Line(error) => {
                let items = of_joined(error, self.sources, self.settings);
                let entries = line::items(&items, self.settings, leaf);
                return write!(f, "{}: {entries}", Head { error, names: self.settings.names });
            }
            What::Tree(error) => (tree::title(error, self.settings), self.rows(error, leaf)),
            What::Report(ends) => {
                let rows = ends.error.map(|error| self.rows(error, leaf)).unwrap_or_default();
                (ends.title(self.settings), tree::in_one_level(rows, ends.rows(self.settings)))
            }
        };
        tree::write(&title, &rows, self.settings, f)
    }

    fn rows(&self, error: &JoinedError<E>, leaf: Leaf<E>) -> Vec<Row> {
        let shown = |settings| of_joined(error, self.sources, settings);
        tree::rows(&within_total(self.settings, shown), self.settings, leaf)
    }
}

/// What a joined error writes where another is shown around it: one line inside a line, and inside
/// a tree its title; its rows go below.
pub(super) fn write_nested<E>(
    error: &JoinedError<E>,
    leaf: Leaf<E>,
    is_tree: bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let around = around();
    if !matches!(around, Around::Nothing) {
        note(std::ptr::from_ref(error).cast());
    }
    match around {
        Around::Nothing if is_tree => Shown::tree(error).write(leaf, f),
        Around::Nothing | Around::Line => Shown::line(error).write(leaf, f),
        Around::Tree(settings) => {
            let Some(_showing) = Showing::enter(Around::Tree(settings)) else {
                return f.write_str("…");
            };
            hide(Shown::new(What::Tree(error), settings).rows(error, leaf));
            f.write_str(&tree::title(error, settings))
        }
    }
}

impl<E: fmt::Display> fmt::Display for Shown<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(by_display, f)
    }
}

/// The same; what an error says is its `{:?}`.
impl<E: fmt::Debug> fmt::Debug for Shown<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(by_debug, f)
    }
}
