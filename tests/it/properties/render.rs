//! How a joined error is shown: compared with what the documentation says, and looked over.
//!
//! The bytes begin with the limits of the tree that is shown: its width, its names, its depth, its
//! entries and its total (a digit is that number, a `.` leaves what is the default, any other byte
//! is its value), and two bytes more. The bits of the first: flatten it, show no locations, show
//! what errors were caused by, show it by its `Debug`, show its structure too, two lines of each message,
//! the order of spawns, no numbers beside names. The second is how
//! many times eight bytes a writer takes before it fails.
//!
//! What is to be grown follows, see [`grow`](super::grow).

use std::fmt::{self, Write as _};
use std::sync::atomic::Ordering::Relaxed;

use arbitrary::Unstructured;
use nestling::failure::Shown;
use nestling::{ChildError, JoinedError};

use super::fault::Fault;
use super::grow::grow;
use super::shown::{CAUSES, Expected, Form, LOCATION, Limits, MESSAGE, endless, faults};
use super::words::breaks;

/// Checks how the error that `data` says is shown.
pub(crate) fn check(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let options = Options::read(&mut u);
    let mut error = grow(&mut u);
    if options.flatten {
        error = error.flatten();
    }
    shown_as_line(&error, options.room);
    shown_as_tree(&error, &options);
    if options.structure {
        shown_as_structure(&error);
    }
    shown_by_itself(error.first());
    if options.sources {
        with_sources(error);
    }
}

struct Options {
    width: Option<usize>,
    names: Option<usize>,
    depth: Option<usize>,
    entries: Option<usize>,
    total: Option<usize>,
    flatten: bool,
    locations: bool,
    sources: bool,
    debug: bool,
    structure: bool,
    few_lines: bool,
    by_spawn_order: bool,
    numbers: bool,
    room: usize,
}

impl Options {
    fn read(u: &mut Unstructured<'_>) -> Self {
        let mut byte = || u.arbitrary::<u8>().unwrap_or_default();
        let [width, names, depth, entries, total] = [(); 5].map(|()| match byte() {
            b'.' => None,
            digit if digit.is_ascii_digit() => Some(usize::from(digit - b'0')),
            byte => Some(usize::from(byte)),
        });
        let bits = byte();
        let (flatten, locations, sources) = (bits & 1 != 0, bits & 2 == 0, bits & 4 != 0);
        let (debug, structure) = (bits & 8 != 0, bits & 16 != 0);
        let (few_lines, by_spawn_order) = (bits & 32 != 0, bits & 64 != 0);
        let numbers = bits & 128 == 0;
        let room = usize::from(byte()) * 8;
        Self {
            width,
            names,
            depth,
            entries,
            total,
            flatten,
            locations,
            sources,
            debug,
            structure,
            few_lines,
            by_spawn_order,
            numbers,
            room,
        }
    }

    fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            width: self.width.unwrap_or(default.width),
            lines: if self.few_lines { 2 } else { default.lines },
            by_spawn_order: self.by_spawn_order,
            names: self.names.unwrap_or(default.names),
            depth: self.depth.unwrap_or(default.depth),
            entries: self.entries.unwrap_or(default.entries),
            total: self.total.unwrap_or(default.total),
            locations: self.locations,
            numbers: self.numbers,
            sources: self.sources,
        }
    }

    fn are_default(&self) -> bool {
        let limits = [self.width, self.names, self.depth, self.entries, self.total];
        let changed = self.sources || self.few_lines || self.by_spawn_order || !self.numbers;
        limits == [None; 5] && self.locations && !changed
    }

    fn tree<'a>(&self, error: &'a JoinedError<Fault>) -> Shown<'a, Fault> {
        let tree = error.tree().locations(self.locations).numbers(self.numbers);
        let tree = self.width.into_iter().fold(tree, Shown::width);
        let tree = self.names.into_iter().fold(tree, Shown::names);
        let tree = self.depth.into_iter().fold(tree, Shown::depth);
        let tree = self.entries.into_iter().fold(tree, Shown::entries);
        let tree = self.total.into_iter().fold(tree, Shown::total);
        let tree = if self.few_lines { tree.lines(2) } else { tree };
        let tree = if self.by_spawn_order { tree.by_spawn_order() } else { tree };
        if self.sources { tree.sources() } else { tree }
    }
}

/// Takes what is written, and counts.
#[derive(Default)]
struct Sink {
    text: String,
    writes: usize,
    /// Fails beyond so many bytes.
    room: Option<usize>,
    full: bool,
}

impl Sink {
    fn take(shown: fmt::Arguments<'_>) -> Self {
        let mut sink = Self::default();
        sink.write_fmt(shown).expect("there is room for all");
        sink
    }

    /// What is written to a writer that fails in the middle is a part of what is else written.
    fn check_short(&self, room: usize, shown: fmt::Arguments<'_>) {
        let mut short = Self { room: Some(room), ..Self::default() };
        let written = short.write_fmt(shown).is_ok();
        assert_eq!(written, self.text.len() <= room, "whether all of it was written");
        assert!(self.text.starts_with(&short.text));
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        assert!(!self.full, "it is written on after a write failed");
        self.writes += 1;
        self.full = self.room.is_some_and(|room| self.text.len() + text.len() > room);
        if self.full {
            return Err(fmt::Error);
        }
        self.text += text;
        Ok(())
    }
}

fn shown_as_line(error: &JoinedError<Fault>, room: usize) {
    forget_asked(error);
    let sink = Sink::take(format_args!("{error}"));
    // Before it is compared: what is wrong in both is seen all the same.
    safe(&sink.text, false);
    few_writes(&sink, 160);
    let mut expected = Expected::new(Form::Display);
    let line = expected.line(error);
    expected.check_asked(error, Limits::of_line());
    assert_eq!(sink.text, line);
    sink.check_short(room, format_args!("{error}"));
}

fn shown_as_tree(error: &JoinedError<Fault>, options: &Options) {
    let (limits, tree) = (options.limits(), options.tree(error));
    let (form, shown) = match options.debug {
        true => (Form::Debug, format_args!("{tree:?}")),
        false => (Form::Display, format_args!("{tree}")),
    };
    forget_asked(error);
    let sink = Sink::take(shown);
    safe(&sink.text, true);
    guided(&sink.text, options.numbers);
    bounded(&sink, limits);
    few_writes(&sink, sink.text.split('\n').count());
    let mut expected = Expected::new(form);
    let tree = expected.tree(error, limits);
    expected.check_asked(error, limits);
    assert_eq!(sink.text, tree);
    sink.check_short(options.room, shown);
    if options.are_default() {
        let usual = match form {
            Form::Debug => format!("{error:?}"),
            Form::Display => format!("{error:#}"),
        };
        assert_eq!(usual, sink.text);
    }
}

/// What is written is written once. An escape is written character by character, and there may be
/// nothing before it and behind it.
fn few_writes(sink: &Sink, entries: usize) {
    let most = 2 * sink.text.chars().count() + 16 * entries;
    assert!(sink.writes <= most, "{} writes instead of {most}", sink.writes);
}

/// Bounded in depth only, so there is nothing to compare it with.
fn shown_as_structure(error: &JoinedError<Fault>) {
    forget_asked(error);
    let sink = Sink::take(format_args!("{error:#?}"));
    // Texts are shown by their own `Debug`, which leaves the fillers of Hangul as they are.
    safe(&sink.text.replace(['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'], ""), true);
    for fault in faults(error) {
        assert!(fault.asked.take().0 <= 1, "it is shown twice");
    }
    assert_eq!(sink.text.matches("JoinedError {").count(), joined_within(error, 16));
}

/// How many joined errors there are down to a depth.
fn joined_within(error: &JoinedError<Fault>, depth: usize) -> usize {
    let Some(deeper) = depth.checked_sub(1) else { return 0 };
    let groups = error.iter().filter_map(|entry| entry.failure().group());
    1 + groups.map(|group| joined_within(group, deeper)).sum::<usize>()
}

fn shown_by_itself(entry: &ChildError<Fault>) {
    let text = Expected::new(Form::Display).entry(entry);
    assert_eq!(entry.to_string(), text);
    safe(&text, false);
    let text = Expected::new(Form::Debug).entry(entry);
    assert_eq!(format!("{entry:?}"), text);
    safe(&text, false);
    let text = entry.child().to_string();
    safe(&text, false);
    assert!(text.chars().count() <= MESSAGE + LOCATION + 30);
}

/// It is remembered as a part of a tree, and forgotten where the type of the error may be another.
fn with_sources(error: JoinedError<Fault>) {
    let error = error.with_sources();
    let limits = Limits { sources: true, ..Limits::default() };
    let expected = Expected::new(Form::Display).tree(&error, limits);
    assert_eq!(format!("{error:#}"), expected);
    let error = error.filter(|_| true).expect("all is kept");
    assert_eq!(format!("{error:#}"), expected);
    let error = error.map(|fault| fault);
    let expected = Expected::new(Form::Display).tree(&error, Limits::default());
    assert_eq!(format!("{error:#}"), expected);
}

/// Nothing in it moves the cursor, breaks a line that is none of the tree's, or cannot be seen.
fn safe(text: &str, lines: bool) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return;
    }
    let broken = text.chars().find(|&c| breaks(c) && !(lines && c == '\n'));
    assert_eq!(broken, None, "in {text:?}");
}

/// Every line stands where it belongs: below a branch, with the trunks of those that go on.
fn guided(tree: &str, numbers: bool) {
    // Of each level around and at the last line: whether more is to come there.
    let mut open: Vec<bool> = Vec::new();
    let mut lines = tree.split('\n');
    assert!(lines.next().is_some_and(|title| title.starts_with("nursery")));
    for line in lines {
        let mut rest = line;
        let mut depth = 0;
        let goes_on = loop {
            if rest.starts_with("├─ ") || rest.starts_with("└─ ") {
                break rest.starts_with('├');
            }
            let Some(&trunk) = open.get(depth) else { break false };
            let trunk = if trunk { "│  " } else { "   " };
            let inner = rest.strip_prefix(trunk);
            rest = inner.unwrap_or_else(|| panic!("a trunk is missing or too much: {line:?}"));
            depth += 1;
        };
        if depth == open.len() && rest.starts_with("   ") {
            // It goes on with the message of the row above.
            continue;
        }
        let row = rest.strip_prefix("├─ ").or_else(|| rest.strip_prefix("└─ "));
        let row = row.unwrap_or_else(|| panic!("it has no branch: {line:?}"));
        let named = row.starts_with(['#', 'b', '…']) || !numbers;
        assert!(named, "it names no child: {line:?}");
        assert!(depth <= open.len(), "it hangs on nothing: {line:?}");
        let left = open.get(depth + 1..).unwrap_or_default();
        assert!(!left.contains(&true), "a level has no last line: {line:?}");
        assert!(open.get(depth) != Some(&false), "it stands behind the last: {line:?}");
        open.truncate(depth);
        open.push(goes_on);
    }
    assert!(!open.contains(&true), "a level has no last line");
}

/// The limits, without regard to what is shown.
fn bounded(sink: &Sink, limits: Limits) {
    let causes = if limits.sources { CAUSES + 1 } else { 0 };
    let lines = sink.text.split('\n').count();
    let of_entry = 2 + limits.lines * (1 + causes);
    assert!(lines <= 2 + (limits.total + 1) * of_entry, "{lines} lines");
    let depth = limits.depth.max(1);
    let name = limits.names + 1;
    let label = (depth + 2) * (name + 3).max(30) + 10;
    let title = name + 2 * 60 + 100 + LOCATION;
    let longest = 3 * (depth + 3) + label.max(60) + LOCATION + 40 + limits.width.max(title);
    for line in sink.text.split('\n') {
        assert!(line.chars().count() <= longest, "a long line: {line:?}");
    }
}

fn forget_asked(error: &JoinedError<Fault>) {
    for fault in faults(error) {
        fault.asked.take();
        if let Some(endless) = endless(fault) {
            endless.asked.store(0, Relaxed);
        }
    }
}
