//! How a joined error is to be shown: what the documentation says, as strings put together.

use std::collections::BTreeSet;
use std::error::Error;
use std::iter;
use std::sync::atomic::Ordering::Relaxed;

use nestling::{ChildError, ChildInfo, Failure, JoinedError, Panic};

use super::fault::{Endless, Fault};
use super::words::{clip, clip_or_cut};

/// Of what an error says, on the line.
pub(crate) const MESSAGE: usize = 300;
pub(crate) const NAME: usize = 40;
pub(crate) const LOCATION: usize = 40;
/// Sources that are shown of one error.
pub(crate) const CAUSES: usize = 10;

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) width: usize,
    pub(crate) names: usize,
    pub(crate) depth: usize,
    pub(crate) entries: usize,
    pub(crate) total: usize,
    pub(crate) locations: bool,
    pub(crate) sources: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            width: MESSAGE,
            names: NAME,
            depth: 16,
            entries: 50,
            total: 500,
            locations: true,
            sources: false,
        }
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
    pub(crate) entries: usize,
    pub(crate) mores: usize,
    pub(crate) causes: usize,
}

impl Expected {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, shown: BTreeSet::new(), entries: 0, mores: 0, causes: 0 }
    }

    /// Who is shown was asked once, and who is not, not at all; nobody wrote on for long.
    pub(crate) fn check_asked(&self, error: &JoinedError<Fault>, width: usize) {
        for fault in faults(error) {
            let (shown, writes) = fault.asked.take();
            assert_eq!(shown, usize::from(self.shown.contains(&fault.number)), "was it shown?");
            assert!(fault.manner.deaf || writes <= width + 1, "{writes} writes of one error");
            if let Some(endless) = endless(fault) {
                let asked = endless.asked.load(Relaxed);
                // `endless` asked, here and before.
                assert!(asked <= 1 + 3 * CAUSES, "asked for its source {asked} times");
            }
        }
    }

    pub(crate) fn line(&mut self, error: &JoinedError<Fault>) -> String {
        format!("{}: {}", line_head(error), self.list(error, &mut 0, 1))
    }

    fn list(&mut self, error: &JoinedError<Fault>, total: &mut usize, depth: usize) -> String {
        let alone = error.counts().failed() == 0;
        let mut parts = Vec::new();
        for entry in error.iter().take(10) {
            if *total == 50 {
                break;
            }
            *total += 1;
            parts.push(self.entry(entry, alone, total, depth));
        }
        let left = (error.len() - parts.len()) as u64 + error.counts().not_stored();
        if left > 0 {
            parts.push(format!("and {left} more"));
        }
        parts.join("; ")
    }

    /// On the line.
    pub(crate) fn entry(
        &mut self,
        entry: &ChildError<Fault>,
        alone: bool,
        total: &mut usize,
        depth: usize,
    ) -> String {
        self.entries += 1;
        let mut text = String::new();
        if !(alone && is_own_body(entry)) {
            text = label(entry, Some(NAME)) + ": ";
        }
        if entry.after_cancel() {
            text += "after cancel: ";
        }
        text + &match entry.failure() {
            Failure::Group(group) if depth < 8 => {
                format!("{} ({})", line_head(group), self.list(group, total, depth + 1))
            }
            Failure::Group(group) => line_head(group) + " (…)",
            failure => self.message(failure, MESSAGE),
        }
    }

    fn message(&mut self, failure: &Failure<Fault>, width: usize) -> String {
        match failure {
            Failure::Error(fault) => {
                self.shown.insert(fault.number);
                let text = match self.form {
                    Form::Display => fault.text.clone(),
                    Form::Debug => fault.debug_text(),
                };
                match clip_or_cut(&text, width) {
                    Err(cut) => cut,
                    Ok(whole) if fault.manner.fails => whole + "…",
                    Ok(whole) => or_no_message(whole),
                }
            }
            Failure::Panic(panic) => clip(&told(panic), width),
            other => panic!("no case has {other}"),
        }
    }

    pub(crate) fn tree(&mut self, error: &JoinedError<Fault>, limits: Limits) -> String {
        let mut rows = Vec::new();
        self.rows(error, limits, "", 0, &mut rows);
        let entries = || rows.iter().filter_map(|row| Some((row, row.entry.as_ref()?)));
        let chars = |text: &str| text.chars().count();
        let column = entries()
            .map(|(row, entry)| (chars(&row.indent) + chars(&entry.label)).min(60))
            .max()
            .unwrap_or(0);
        let location = entries().map(|(_, entry)| chars(&entry.location)).max().unwrap_or(0);
        let mut tree = title(error, limits.names);
        for row in &rows {
            tree += &format!("\n{}{}", row.indent, row.branch);
            if let Some(entry) = &row.entry {
                let label = column.saturating_sub(chars(&row.indent));
                tree += &format!("{:label$}    ", entry.label);
                if limits.locations {
                    tree += &format!("{:location$}   ", entry.location);
                }
            }
            tree += &row.text;
        }
        tree
    }

    fn rows(
        &mut self,
        error: &JoinedError<Fault>,
        limits: Limits,
        indent: &str,
        depth: usize,
        rows: &mut Vec<Row>,
    ) {
        let mut left = error.len() as u64 + error.counts().not_stored();
        for entry in error.iter().take(limits.entries) {
            if depth >= limits.depth || self.entries >= limits.total {
                break;
            }
            self.entries += 1;
            left -= 1;
            let (branch, trunk) = if left > 0 { ("├─ ", "│  ") } else { ("└─ ", "   ") };
            let inner = format!("{indent}{trunk}");
            let mut text = String::new();
            if entry.after_cancel() {
                text += "after cancel: ";
            }
            text += &match entry.failure() {
                Failure::Group(group) => title(group, limits.names),
                failure => self.message(failure, limits.width),
            };
            if let (Some(fault), true) = (entry.failure().error(), limits.sources) {
                for (number, source) in sources(fault).enumerate().take(CAUSES + 1) {
                    let source = match number {
                        CAUSES => "…".to_owned(),
                        _ => or_no_message(clip(&source.to_string(), limits.width)),
                    };
                    self.causes += 1;
                    text += &format!("\n{inner}   caused by: {source}");
                }
            }
            let location = entry.child().location();
            let location = place(&format!("{}:{}", location.file(), location.line()));
            let label = label(entry, Some(limits.names));
            let entry_columns = Some(Columns { label, location });
            rows.push(Row { indent: indent.to_owned(), branch, entry: entry_columns, text });
            if let Some(group) = entry.failure().group() {
                self.rows(group, limits, &inner, depth + 1, rows);
            }
        }
        if left > 0 {
            self.mores += 1;
            let text = format!("… and {left} more");
            rows.push(Row { indent: indent.to_owned(), branch: "└─ ", entry: None, text });
        }
    }
}

struct Row {
    indent: String,
    branch: &'static str,
    /// `None` where it counts what is not shown.
    entry: Option<Columns>,
    /// With what it was caused by.
    text: String,
}

struct Columns {
    label: String,
    location: String,
}

fn line_head(error: &JoinedError<Fault>) -> String {
    match error.name() {
        Some(name) => format!("nursery \"{}\": {} failed", clip(name, NAME), who(error)),
        None => format!("{} failed", who(error)),
    }
}

fn title(error: &JoinedError<Fault>, names: usize) -> String {
    let name = match error.name() {
        Some(name) => format!(" \"{}\"", clip(name, names)),
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
        title += &format!(", first {}", label(error.first(), None));
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

/// With names cut after so many characters, or without names.
fn label(entry: &ChildError<Fault>, names: Option<usize>) -> String {
    let part = |child: &ChildInfo| match (child.name(), names) {
        (Some(name), Some(chars)) => clip(&format!("{} {name}", child.id()), chars),
        _ => child.id().to_string(),
    };
    let mut parts: Vec<_> = entry.ancestors().take(4).map(part).collect();
    if let Some(fourth) = parts.get_mut(3) {
        *fourth = "…".to_owned();
    }
    parts.reverse();
    parts.push(part(entry.child()));
    parts.join(" / ")
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
    format!("{work}: {}", or_no_message(clip(panic.message(), usize::MAX)))
}

fn or_no_message(text: String) -> String {
    if text.is_empty() { "(no message)".to_owned() } else { text }
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
