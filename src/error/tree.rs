//! A joined error as a tree, a row for each failure.

use std::fmt;
use std::panic::Location;

use super::head::{Failing, Label, Leaf, LostInside, causes, is_own_body, write_failure};
use super::nested::with_hidden;
use super::settings::{Marks, Part, Settings};
use super::walk::{Entry, Item, What, has_given_up};
use super::{Failure, JoinedError};
use crate::info::{Called, ChildInfo};
use crate::text::{NO_MESSAGE, Name, lines, place};

/// One row below the title. It holds no reference: rows of a joined error that hides in another's
/// message are of any type.
pub(super) struct Row {
    /// How deep it is below the title.
    depth: usize,
    /// Whether nothing follows on this level.
    last: bool,
    what: Cells,
}

enum Cells {
    Entry {
        label: String,
        location: &'static Location<'static>,
        /// The message; more than one line if it has several, or if it was caused by something.
        lines: Vec<String>,
    },
    /// So many are not shown.
    More(u64),
}

impl Row {
    /// A row right below the title.
    pub(super) fn entry(child: &ChildInfo, text: String, settings: Settings) -> Self {
        let Settings { names: chars, numbers, .. } = settings;
        let label = Called { id: child.id(), name: child.name(), chars, numbers }.to_string();
        let location = child.location();
        Self { depth: 0, last: false, what: Cells::Entry { label, location, lines: vec![text] } }
    }

    /// A row right below the title, where so many are not shown.
    pub(super) fn more(more: u64) -> Self {
        Self { depth: 0, last: false, what: Cells::More(more) }
    }
}

/// The rows of what is shown. No lock or borrow is held while errors are asked for their texts.
pub(super) fn rows<E>(items: &[Item<'_, E>], settings: Settings, leaf: Leaf<E>) -> Vec<Row> {
    let mut rows = Vec::new();
    for item in items {
        let (depth, last) = (item.depth, item.last);
        match &item.what {
            What::More(more) => rows.push(Row { depth, last, what: Cells::More(*more) }),
            What::Entry(entry) => {
                let (lines, hidden) = with_hidden(|| message(entry, settings, leaf));
                let label = Label::of_item(entry, settings).to_string();
                let location = entry.error.child().location();
                rows.push(Row { depth, last, what: Cells::Entry { label, location, lines } });
                // Several joined errors in one message: only the rows of the last end the level.
                let many = hidden.iter().filter(|row| row.depth == 0 && row.last).count();
                let mut ends = 0;
                rows.extend(hidden.into_iter().map(|mut row| {
                    if row.depth == 0 && row.last {
                        ends += 1;
                        row.last = ends == many;
                    }
                    row.depth += depth + 1;
                    row
                }));
            }
        }
    }
    rows
}

/// The rows of a report, one after the other.
pub(super) fn in_one_level(mut rows: Vec<Row>, mut more: Vec<Row>) -> Vec<Row> {
    let goes_on = !more.is_empty();
    for row in rows.iter_mut().filter(|row| row.depth == 0) {
        row.last &= !goes_on;
    }
    if let Some(last) = more.last_mut() {
        last.last = true;
    }
    rows.append(&mut more);
    rows
}

/// `nursery "sync" failed: 3 of 40 children (35 completed, 2 cancelled), first #7`.
pub(super) fn title<E>(error: &JoinedError<E>, settings: Settings) -> String {
    let mut title = error.0.owner.noun().to_owned();
    if let Some(text) = error.name() {
        title += &format!(" \"{}\"", Name { text, chars: settings.names });
    }
    title += &match error.cause().filter(|_| has_given_up(error)) {
        Some(cause) => format!(" {cause}; failed: {}", Failing(error)),
        None => format!(" failed: {}", Failing(error)),
    };
    title += &match (error.counts().completed(), error.counts().cancelled()) {
        (0, 0) => String::new(),
        (completed, 0) => format!(" ({completed} completed)"),
        (0, cancelled) => format!(" ({cancelled} cancelled)"),
        (completed, cancelled) => format!(" ({completed} completed, {cancelled} cancelled)"),
    };
    match error.first() {
        body if is_own_body(body) && error.len() == 1 => {}
        _ => title += &format!(", first {}", Label::of_first(error, settings)),
    }
    title
}

/// What a failure says, and what it was caused by.
fn message<E>(entry: &Entry<'_, E>, settings: Settings, leaf: Leaf<E>) -> Vec<String> {
    let cut = settings.cut();
    let failure = entry.error.failure();
    let mut says = match failure {
        Failure::Group(group) => vec![title(group, settings)],
        failure => lines(cut, |out| write_failure(failure, leaf, out)),
    };
    if says.is_empty() {
        says.push(NO_MESSAGE.to_owned());
    }
    let below = match (failure, entry.sources) {
        (Failure::Error(error), Some(sources)) => {
            let (mut causes, more) = causes(error, sources, &says, cut);
            causes.extend(more.then(|| vec!["…".to_owned()]));
            causes
        }
        _ => Vec::new(),
    };
    if entry.after_cancel {
        says[0].insert_str(0, "after cancel: ");
    }
    says[0] += &LostInside(entry.lost).to_string();
    for cause in below {
        let mut indent = "caused by: ";
        for line in cause {
            says.push(format!("{indent}{line}"));
            indent = "           ";
        }
    }
    says
}

/// Writes the title and the rows. A location that all rows have in common stands in the title.
pub(super) fn write(
    title: &str,
    rows: &[Row],
    settings: Settings,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Settings { locations, marks, .. } = settings;
    let common = if locations { common_location(rows) } else { None };
    let title = match common {
        Some(at) => format!("{title}, spawned at {}", place(at.file(), at.line())),
        None => title.to_owned(),
    };
    write_marked(&title, marks(Part::Title), f)?;
    let columns = Columns::of(rows, locations && common.is_none());
    // The trunks of the levels above.
    let mut trunks: Vec<&str> = Vec::new();
    for row in rows {
        trunks.truncate(row.depth);
        let indent = trunks.concat();
        let (branch, trunk) = if row.last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        write!(f, "\n{indent}{branch}")?;
        match &row.what {
            Cells::More(more) => write!(f, "… and {more} more")?,
            Cells::Entry { label, location, lines } => {
                columns.write(row.depth, label, location, marks, f)?;
                for (at, line) in lines.iter().enumerate() {
                    if at > 0 {
                        write!(f, "\n{indent}{trunk}   ")?;
                    }
                    write_marked(line, marks(Part::Message), f)?;
                }
            }
        }
        trunks.push(trunk);
    }
    Ok(())
}

/// Writes a text between its marks.
fn write_marked(
    text: impl fmt::Display,
    (before, behind): (&str, &str),
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "{before}{text}{behind}")
}

fn common_location(rows: &[Row]) -> Option<&'static Location<'static>> {
    let mut all = rows.iter().filter_map(|row| match row.what {
        Cells::Entry { location, .. } => Some(location),
        Cells::More(_) => None,
    });
    let first = all.next()?;
    let mut others = all.peekable();
    let same = others.peek().is_some() && others.all(|location| location == first);
    same.then_some(first)
}

/// Where the columns are, the same on all levels.
struct Columns {
    location: usize,
    /// `None` without locations.
    text: Option<usize>,
}

impl Columns {
    fn of(rows: &[Row], locations: bool) -> Self {
        /// One long name deep in the tree must not push the columns of all others away.
        const MAX_LOCATION: usize = 60;
        let mut columns = Self { location: 0, text: locations.then_some(0) };
        for row in rows {
            if let Cells::Entry { label, location, .. } = &row.what {
                let label = indent(row.depth) + label.chars().count();
                columns.location = columns.location.max(label.min(MAX_LOCATION));
                let location = place(location.file(), location.line()).chars().count();
                columns.text = columns.text.map(|text| text.max(location));
            }
        }
        columns
    }

    fn write(
        &self,
        depth: usize,
        label: &str,
        location: &Location<'_>,
        marks: Marks,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let width = self.location.saturating_sub(indent(depth));
        write_cell(label, width, 4, marks(Part::Child), f)?;
        match self.text {
            Some(width) => {
                let location = place(location.file(), location.line());
                write_cell(&location, width, 3, marks(Part::Location), f)
            }
            None => Ok(()),
        }
    }
}

/// Writes a text between its marks, spaces up to the width, and the gap. The text may be wider.
fn write_cell(
    text: &str,
    width: usize,
    gap: usize,
    marks: (&str, &str),
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write_marked(text, marks, f)?;
    let spaces = width.saturating_sub(text.chars().count()) + gap;
    write!(f, "{:spaces$}", "")
}

/// The width of the trunks before a row.
fn indent(depth: usize) -> usize {
    3 * depth
}
