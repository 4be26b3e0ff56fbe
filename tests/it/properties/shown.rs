//! How a joined error is to be shown: what the documentation says, as strings put together.

use std::collections::BTreeSet;
use std::error::Error;
use std::iter;
use std::sync::atomic::Ordering::Relaxed;

use nestling::failure::Panic;
use nestling::spawn::ChildInfo;
use nestling::{ChildError, Failure, JoinedError};

use super::fault::{Endless, Fault};
use super::words::{clip, has_words, lines_of};

/// Of what an error says, on the line.
pub(crate) const MESSAGE: usize = 300;
pub(crate) const NAME: usize = 40;
pub(crate) const LOCATION: usize = 40;
/// Sources that are shown of one error.
pub(crate) const CAUSES: usize = 10;

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) width: usize,
    pub(crate) lines: usize,
    pub(crate) names: usize,
    pub(crate) depth: usize,
    pub(crate) entries: usize,
    pub(crate) total: usize,
    pub(crate) locations: bool,
    pub(crate) numbers: bool,
    pub(crate) sources: bool,
    pub(crate) by_spawn_order: bool,
}

impl Default for Limits {
    /// Those of a tree.
    fn default() -> Self {
        Self {
            width: MESSAGE,
            lines: 30,
            names: NAME,
            depth: 16,
            entries: 100,
            total: 500,
            locations: true,
            numbers: true,
            sources: false,
            by_spawn_order: false,
        }
    }
}

impl Limits {
    pub(crate) fn of_line() -> Self {
        Self { lines: 1, depth: 8, entries: 10, total: 50, ..Self::default() }
    }
}

/// What the text of an error is made by.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Display,
    Debug,
}

/// What is to be shown, as strings put together.
pub(crate) struct Expected {
    form: Form,
    /// The numbers of the errors that are shown.
    shown: BTreeSet<usize>,
    entries: usize,
    leaves: usize,
}

/// A row of a tree, or what is between two semicolons of a line.
struct Item<'a> {
    depth: usize,
    last: bool,
    what: What<'a>,
}

enum What<'a> {
    Entry { path: Vec<&'a ChildError<Fault>>, elided: bool, named: bool, after_cancel: bool },
    More(u64),
}

impl Expected {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, shown: BTreeSet::new(), entries: 0, leaves: 0 }
    }

    /// What is shown was asked once, and what is not, not at all; none wrote on for long.
    pub(crate) fn check_asked(&self, error: &JoinedError<Fault>, limits: Limits) {
        for fault in faults(error) {
            let (shown, writes) = fault.asked.take();
            assert_eq!(shown, usize::from(self.shown.contains(&fault.number)), "was it shown?");
            // Marks of colour and blanks may be passed over. In a tree, so is what is beyond a cut.
            let passed = |c: &char| " \n\t\r\u{1b}[m;:".contains(*c) || c.is_ascii_digit();
            let free = match limits.lines {
                1 => fault.text.chars().filter(passed).count(),
                _ => fault.text.chars().count(),
            };
            let most = limits.width + 2 + free;
            assert!(fault.manner.deaf || writes <= most, "{writes} writes of one error");
            if let Some(endless) = endless(fault) {
                let asked = endless.asked.load(Relaxed);
                // `endless` asked, here and before.
                assert!(asked <= 1 + 3 * CAUSES, "asked for its source {asked} times");
            }
        }
    }

    /// What is shown, depth first.
    fn items<'a>(
        &mut self,
        error: &'a JoinedError<Fault>,
        limits: Limits,
        depth: usize,
        items: &mut Vec<Item<'a>>,
    ) {
        let named = error.counts().failed() == 0;
        let mut all: Vec<_> = error.iter().collect();
        if limits.by_spawn_order {
            all = error.by_spawn_order().collect();
        }
        let deepest = depth >= limits.depth;
        let most = if deepest { 1 } else { limits.entries };
        let mut left = all.len() as u64 + error.counts().not_stored();
        for (at, entry) in all.into_iter().enumerate() {
            if self.leaves > 0 && (at >= most || self.entries >= limits.total) {
                break;
            }
            self.entries += 1;
            left -= 1;
            let mut path = vec![entry];
            let mut group = entry.failure().group();
            while let Some(inner) = group {
                let others = inner.len() as u64 - 1 + inner.counts().not_stored();
                if others > 0 && !deepest {
                    break;
                }
                left += others;
                path.push(inner.first());
                group = inner.first().failure().group();
            }
            let elided = path.len() > limits.depth + 1;
            let after_cancel = path.iter().any(|entry| entry.after_cancel());
            path.drain(..path.len().saturating_sub(limits.depth + 1));
            items.push(Item {
                depth,
                last: left == 0,
                what: What::Entry { path, elided, named, after_cancel },
            });
            match group {
                Some(group) => self.items(group, limits, depth + 1, items),
                None => self.leaves += 1,
            }
        }
        if left > 0 {
            items.push(Item { depth, last: true, what: What::More(left) });
        }
    }

    pub(crate) fn line(&mut self, error: &JoinedError<Fault>) -> String {
        let mut items = Vec::new();
        self.items(error, Limits::of_line(), 0, &mut items);
        format!("{}: {}", line_head(error), self.list(&items, 0))
    }

    /// The items of one level, each with those that are in it.
    fn list(&mut self, items: &[Item<'_>], depth: usize) -> String {
        let mut parts = Vec::new();
        let mut rest = items;
        while let Some((item, below)) = rest.split_first() {
            let inner = below.iter().take_while(|item| item.depth > depth).count();
            let mut text = match &item.what {
                What::More(more) => format!("and {more} more"),
                What::Entry { path, elided, named, after_cancel } => {
                    let entry = path.last().expect("the path ends in it");
                    let mut text = String::new();
                    if !(*named && is_own_body(entry)) {
                        text = label(path, *elided, 8, Some(NAME), true) + ": ";
                    }
                    if *after_cancel {
                        text += "after cancel: ";
                    }
                    text + &match entry.failure() {
                        Failure::Group(group) => line_head(group),
                        failure => self.message(failure, MESSAGE, 1).join("\n"),
                    }
                }
            };
            if inner > 0 {
                text += &format!(" ({})", self.list(&below[..inner], depth + 1));
            }
            parts.push(text);
            rest = &below[inner..];
        }
        parts.join("; ")
    }

    /// One entry by itself, on a line.
    pub(crate) fn entry(&mut self, entry: &ChildError<Fault>) -> String {
        let mut path = vec![entry];
        let mut items = Vec::new();
        let mut group = entry.failure().group();
        while let Some(inner) = group {
            if inner.len() > 1 || inner.counts().not_stored() > 0 {
                self.entries = 1;
                self.items(inner, Limits::of_line(), 1, &mut items);
                break;
            }
            path.push(inner.first());
            group = inner.first().failure().group();
        }
        let elided = path.len() > 9;
        let after_cancel = path.iter().any(|entry| entry.after_cancel());
        path.drain(..path.len().saturating_sub(9));
        let what = What::Entry { path, elided, named: false, after_cancel };
        items.insert(0, Item { depth: 0, last: true, what });
        self.list(&items, 0)
    }

    /// The lines of what a failure says.
    fn message(&mut self, failure: &Failure<Fault>, width: usize, lines: usize) -> Vec<String> {
        let mut said = match failure {
            Failure::Error(fault) => {
                self.shown.insert(fault.number);
                let text = match self.form {
                    Form::Display => fault.text.clone(),
                    Form::Debug => fault.debug_text(),
                };
                lines_of(&text, width, lines, fault.manner.fails)
            }
            Failure::Panic(panic) => lines_of(&told(panic), width, lines, false),
            other => panic!("no case has {other}"),
        };
        if said.is_empty() {
            said.push("(no message)".to_owned());
        }
        said
    }

    pub(crate) fn tree(&mut self, error: &JoinedError<Fault>, limits: Limits) -> String {
        let limits = Limits { depth: limits.depth.max(1), ..limits };
        let mut items = Vec::new();
        self.items(error, limits, 0, &mut items);
        let rows: Vec<_> = items.iter().map(|item| self.row(item, limits)).collect();
        let columns = || rows.iter().filter_map(|row| row.columns.as_ref());
        let chars = |text: &str| text.chars().count();
        let column = columns().map(|(label, _)| chars(label).min(60)).max().unwrap_or(0);
        let location = columns().map(|(_, location)| chars(location)).max().unwrap_or(0);
        let mut locations = columns().map(|(_, location)| location);
        let first = locations.next().expect("there is one entry");
        let same = columns().count() > 1 && locations.all(|location| location == first);
        let mut tree = title(error, limits);
        if limits.locations && same {
            tree += &format!(", spawned at {first}");
        }
        for row in &rows {
            tree += "\n";
            if let Some((label, place)) = &row.columns {
                tree += &format!("{label:column$}    ");
                if limits.locations && !same {
                    tree += &format!("{place:location$}   ");
                }
            }
            tree += &row.text;
        }
        // The trunks beside what is below, now that it is known what that is.
        let mut open: Vec<&str> = Vec::new();
        let mut lines = tree.split('\n');
        let mut guided = lines.next().expect("the title").to_owned();
        for (item, row) in items.iter().zip(&rows) {
            open.truncate(item.depth);
            let indent = open.concat();
            let (branch, trunk) = if item.last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            open.push(trunk);
            for at in 0..row.text.split('\n').count() {
                let line = lines.next().expect("each row has its lines");
                guided += &match at {
                    // The column of labels has the indent.
                    0 if row.columns.is_some() => {
                        format!("\n{indent}{branch}{}", &line[3 * item.depth..])
                    }
                    0 => format!("\n{indent}{branch}{line}"),
                    _ => format!("\n{indent}{trunk}   {line}"),
                };
            }
        }
        guided
    }

    fn row(&mut self, item: &Item<'_>, limits: Limits) -> Row {
        let (path, elided, after_cancel) = match &item.what {
            What::More(more) => return Row { columns: None, text: format!("… and {more} more") },
            What::Entry { path, elided, after_cancel, .. } => (path, *elided, *after_cancel),
        };
        let entry = path.last().expect("the path ends in it");
        let mut lines = match entry.failure() {
            Failure::Group(group) => vec![title(group, limits)],
            failure => self.message(failure, limits.width, limits.lines),
        };
        let mut told = lines.join("\n");
        if after_cancel {
            lines[0].insert_str(0, "after cancel: ");
        }
        if let (Some(fault), true) = (entry.failure().error(), limits.sources) {
            for (number, source) in sources(fault).enumerate().take(CAUSES + 1) {
                let said = match number {
                    CAUSES => vec!["…".to_owned()],
                    _ => lines_of(&source.to_string(), limits.width, limits.lines, false),
                };
                let text = said.join("\n");
                if number < CAUSES && (text.is_empty() || has_words(&told, &text)) {
                    continue;
                }
                told += &format!("\n{text}");
                for (at, line) in said.iter().enumerate() {
                    let before = if at == 0 { "caused by: " } else { "           " };
                    lines.push(format!("{before}{line}"));
                }
            }
        }
        let location = entry.child().location();
        let location = place(&format!("{}:{}", location.file(), location.line()));
        // With room for the trunks before it.
        let label = label(path, elided, limits.depth, Some(limits.names), limits.numbers);
        let label = format!("{}{label}", " ".repeat(3 * item.depth));
        Row { columns: Some((label, location)), text: lines.join("\n") }
    }
}

struct Row {
    /// Its label and its location; `None` where it counts what is not shown.
    columns: Option<(String, String)>,
    /// With what it was caused by.
    text: String,
}

fn line_head(error: &JoinedError<Fault>) -> String {
    match error.name() {
        Some(name) => format!("nursery \"{}\": {} failed", clip(name, NAME), who(error)),
        None => format!("{} failed", who(error)),
    }
}

fn title(error: &JoinedError<Fault>, limits: Limits) -> String {
    let name = match error.name() {
        Some(name) => format!(" \"{}\"", clip(name, limits.names)),
        None => String::new(),
    };
    let counts = error.counts();
    let mut others = Vec::new();
    if counts.completed() > 0 {
        others.push(format!("{} completed", counts.completed()));
    }
    if counts.cancelled() > 0 {
        others.push(format!("{} cancelled", counts.cancelled()));
    }
    let mut title = format!("nursery{name} failed: {}", who(error));
    if !others.is_empty() {
        title += &format!(" ({})", others.join(", "));
    }
    if error.len() > 1 || !is_own_body(error.first()) {
        let names = (!limits.numbers).then_some(limits.names);
        title += &format!(", first {}", label(&[error.first()], false, 8, names, limits.numbers));
    }
    title
}

fn who(error: &JoinedError<Fault>) -> String {
    let counts = error.counts();
    let children = match counts.total() {
        1 => format!("{} of 1 child", counts.failed()),
        total => format!("{} of {total} children", counts.failed()),
    };
    match (error.iter().any(is_own_body), counts.failed()) {
        (true, 0) => "the body".to_owned(),
        (true, _) => format!("the body and {children}"),
        (false, _) => children,
    }
}

fn is_own_body(entry: &ChildError<Fault>) -> bool {
    entry.child().is_body() && entry.ancestors().next().is_none()
}

/// With names cut after so many characters, or without names; `around` children around the last are
/// named at most. Without `numbers` a name stands alone.
fn label(
    path: &[&ChildError<Fault>],
    elided: bool,
    around: usize,
    names: Option<usize>,
    numbers: bool,
) -> String {
    let part = |child: &ChildInfo, name: Option<&str>| match (name, names) {
        (Some(name), Some(chars)) if !numbers => clip(name, chars),
        (Some(name), Some(chars)) => clip(&format!("{} {name}", child.id()), chars),
        _ => child.id().to_string(),
    };
    let mut parts = Vec::new();
    for (at, entry) in path.iter().enumerate() {
        let ancestors = entry.ancestors().map(|child| part(child, child.name()));
        let mut ancestors: Vec<_> = ancestors.collect();
        ancestors.reverse();
        parts.append(&mut ancestors);
        let mut name = entry.child().name();
        if let (None, Some(group), true) = (name, entry.failure().group(), at + 1 < path.len()) {
            name = group.name();
        }
        parts.push(part(entry.child(), name));
    }
    let beyond = parts.len().saturating_sub(around + 1);
    parts.drain(..beyond);
    if elided || beyond > 0 {
        parts.insert(0, "…".to_owned());
    }
    parts.join(" > ")
}

fn place(place: &str) -> String {
    let beyond = place.chars().count().saturating_sub(LOCATION);
    let end: String = place.chars().skip(beyond).collect();
    if beyond > 0 { format!("…{end}") } else { end }
}

fn told(panic: &Panic) -> String {
    let text = panic.to_string();
    let (work, _) = text.split_once(": ").expect("a message follows");
    assert!(work == "panicked" || work == "panicked in the destructor", "{work}");
    let message = panic.message();
    format!("{work}: {}", if message.trim().is_empty() { "(no message)" } else { message })
}

pub(crate) fn faults(error: &JoinedError<Fault>) -> impl Iterator<Item = &Fault> {
    error.leaves().filter_map(|leaf| leaf.failure().error())
}

/// The end of a chain of sources that has none.
pub(crate) fn endless(fault: &Fault) -> Option<&Endless> {
    sources(fault).take(2 * CAUSES).find_map(|source| source.downcast_ref())
}

fn sources(fault: &Fault) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(fault.source(), |&source| source.source())
}
