//! Text of unknown origin, made fit for a terminal, within limits.

use std::fmt::{self, Write as _};
use std::mem;

/// The length at which a line of a message is cut, in characters.
pub(crate) const MAX_MESSAGE: usize = 300;

/// The length at which a name is cut unless told otherwise, in characters.
pub(crate) const MAX_NAME: usize = 40;

/// Stands for a message without text: an entry that ends in nothing looks like a fault of the tree.
pub(crate) const NO_MESSAGE: &str = "(no message)";

/// How much of a text is taken.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    /// Of each line.
    pub(crate) chars: usize,
    pub(crate) lines: usize,
    /// Whether lines from the heading of a backtrace on are taken.
    pub(crate) backtraces: bool,
}

impl Cut {
    /// The first line.
    pub(crate) fn line(chars: usize) -> Self {
        Self { chars, lines: 1, backtraces: false }
    }
}

/// The lines of a text. None is blank, and none ends in a space. The first does not begin with one:
/// it is moved to the left, and the others are moved by as much.
///
/// A tab is four spaces. Marks of colour and backtraces are left out. All other characters that
/// would break the line or the terminal are escaped. What is cut ends with `…`, which goes on top
/// of the limit. The text is streamed, and formatting stops at the cut, however long the text is.
pub(crate) fn lines(
    cut: Cut,
    write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result,
) -> Vec<String> {
    let mut sink = Sink::new(cut);
    let result = write(&mut sink);
    sink.finish(result)
}

/// The first line of a text as a message, with `…` where there is more.
pub(crate) struct Message<T> {
    pub(crate) text: T,
    pub(crate) chars: usize,
    pub(crate) when_empty: &'static str,
}

impl<T> Message<T> {
    /// For a message beside other text, where it may be empty.
    pub(crate) fn part(text: T) -> Self {
        Self { text, chars: MAX_MESSAGE, when_empty: "" }
    }

    pub(crate) fn new(text: T, chars: usize) -> Self {
        Self { text, chars, when_empty: NO_MESSAGE }
    }
}

impl<T: fmt::Display> fmt::Display for Message<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lines(Cut::line(self.chars), |out| write!(out, "{}", self.text));
        f.write_str(lines.first().map_or(self.when_empty, String::as_str))
    }
}

/// The name of a child or a nursery, which may be empty. Line ends are escaped too.
pub(crate) struct Name<T> {
    pub(crate) text: T,
    pub(crate) chars: usize,
}

impl<T: fmt::Display> fmt::Display for Name<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sink = Sink { is_name: true, ..Sink::new(Cut::line(self.chars)) };
        let result = write!(sink, "{}", self.text);
        f.write_str(sink.finish(result).first().map_or("", String::as_str))
    }
}

/// The file and the line. Of a long path the end says more than the beginning.
pub(crate) fn place(file: &str, line: u32) -> String {
    let place = format!("{file}:{line}");
    match place.char_indices().rev().nth(MAX_NAME - 1) {
        Some((at, _)) if at > 0 => format!("…{}", Name { text: &place[at..], chars: MAX_NAME }),
        _ => Name { text: &place, chars: MAX_NAME }.to_string(),
    }
}

/// Whether `shown` has the text of `cause`, and not as a part of longer words.
pub(crate) fn tells(shown: &str, cause: &str) -> bool {
    let is_end = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    shown.match_indices(cause).any(|(at, _)| {
        is_end(shown[..at].chars().next_back()) && is_end(shown[at + cause.len()..].chars().next())
    })
}

/// The most that is passed over before the text is given up: characters beyond a cut, blank lines,
/// lines of backtraces, marks of colour.
const MAX_SKIPPED: usize = 1 << 20;

/// The longest mark of colour that is left out.
const MAX_COLOUR: usize = 32;

struct Sink {
    cut: Cut,
    is_name: bool,
    lines: Vec<String>,
    line: String,
    /// Characters in `line`.
    used: usize,
    /// Not in `line` yet: the line may end here.
    spaces: usize,
    /// Spaces before the first line.
    indent: usize,
    /// Whether there were spaces before this line, those included by which it was moved.
    is_indented: bool,
    /// Whether `line` is cut, and the rest of it is skipped.
    is_cut: bool,
    skipped: usize,
    /// Whether lines are left out that are a part of a backtrace.
    in_backtrace: bool,
    /// A carriage return or the beginning of a mark of colour, which the next characters decide.
    open: String,
    /// From here on every write fails, so that formatting ends early.
    done: bool,
}

impl Sink {
    fn new(cut: Cut) -> Self {
        Self {
            cut,
            is_name: false,
            lines: Vec::new(),
            line: String::new(),
            used: 0,
            spaces: 0,
            indent: 0,
            is_indented: false,
            is_cut: false,
            skipped: 0,
            in_backtrace: false,
            open: String::new(),
            done: false,
        }
    }

    fn finish(mut self, result: fmt::Result) -> Vec<String> {
        if !self.done && self.open != "\r" {
            self.put_open();
        }
        // A `Display` that fails by itself would make `to_string` panic if it were passed on.
        if result.is_err() && !self.done {
            self.mark();
        }
        if !self.line.is_empty() {
            self.end_line();
        }
        self.lines
    }

    fn put(&mut self, c: char) {
        if self.is_name {
            return self.put_visible(c);
        }
        match (self.open.as_str(), c) {
            ("", '\r' | '\u{1b}') | ("\u{1b}", '[') => self.open.push(c),
            ("\r", '\n') => {
                self.open.clear();
                self.end_line();
            }
            (colour, '0'..='9' | ';' | ':')
                if colour.starts_with("\u{1b}[") && colour.len() < MAX_COLOUR =>
            {
                self.open.push(c);
            }
            (colour, 'm') if colour.starts_with("\u{1b}[") => {
                self.open.clear();
                self.skip();
            }
            ("", '\n') => self.end_line(),
            ("", '\t') => (0..4).for_each(|_| self.put_space()),
            ("", ' ') => self.put_space(),
            ("", _) => self.put_visible(c),
            _ => {
                self.put_open();
                if !self.done {
                    self.put(c);
                }
            }
        }
    }

    /// What was open is no line end and no mark of colour.
    fn put_open(&mut self) {
        for c in mem::take(&mut self.open).chars() {
            if !self.done {
                self.put_visible(c);
            }
        }
    }

    fn put_space(&mut self) {
        self.spaces += 1;
        // Only what follows them can be too much for the line.
        if self.is_cut || self.used + self.spaces > self.cut.chars {
            self.skip();
        }
    }

    fn put_visible(&mut self, c: char) {
        if self.is_cut {
            return self.skip();
        }
        if self.lines.len() == self.cut.lines {
            self.mark();
            self.done = true;
            return;
        }
        if self.line.is_empty() && !self.is_name {
            self.is_indented = self.spaces > 0;
            if self.lines.is_empty() {
                self.indent = self.spaces;
            }
            self.spaces = self.spaces.saturating_sub(self.indent);
        }
        let escape = needs_escape(c).then(|| c.escape_default());
        let chars = self.spaces + escape.as_ref().map_or(1, ExactSizeIterator::len);
        if self.used + chars > self.cut.chars {
            return self.cut_line();
        }
        self.used += chars;
        self.line.extend(std::iter::repeat_n(' ', mem::take(&mut self.spaces)));
        match escape {
            Some(escape) => self.line.extend(escape),
            None => self.line.push(c),
        }
    }

    /// The line is too long. Of the last line the rest need not be heard.
    fn cut_line(&mut self) {
        self.line.push('…');
        self.is_cut = true;
        let is_frame = self.in_backtrace && self.is_indented;
        self.done = self.lines.len() + 1 >= self.cut.lines && !is_frame;
    }

    fn skip(&mut self) {
        self.skipped += 1;
        self.done = self.skipped > MAX_SKIPPED;
    }

    fn end_line(&mut self) {
        let line = mem::take(&mut self.line);
        (self.used, self.spaces, self.is_cut) = (0, 0, false);
        // The frames below a heading are indented.
        self.in_backtrace &= line.is_empty() || self.is_indented;
        if line.is_empty() || self.in_backtrace {
            self.skip();
        } else if !self.cut.backtraces && !self.lines.is_empty() && is_heading_of_backtrace(&line) {
            // The rule above the heading goes with it.
            if self.lines.len() > 1 && self.lines.last().is_some_and(|line| is_rule(line)) {
                self.lines.pop();
            }
            self.in_backtrace = true;
        } else {
            self.lines.push(line);
        }
    }

    /// Marks that there is more.
    fn mark(&mut self) {
        let line = match self.lines.last_mut() {
            Some(last) if self.line.is_empty() => last,
            _ => &mut self.line,
        };
        if !line.ends_with('…') {
            line.push('…');
        }
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.done {
                return Err(fmt::Error);
            }
            self.put(c);
        }
        if self.done { Err(fmt::Error) } else { Ok(()) }
    }
}

fn is_rule(line: &str) -> bool {
    line.chars().all(|c| matches!(c, '━' | '─' | '═' | '-' | '='))
}

/// As the reporters write it: `Stack backtrace:`, `backtrace no. 1`, `━━━ BACKTRACE ━━━`; and what
/// they say of backtraces: `Backtrace omitted.`, `Run with RUST_BACKTRACE=full …`.
fn is_heading_of_backtrace(line: &str) -> bool {
    let words = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let words = words.strip_prefix("stack ").unwrap_or(&words);
    let Some(rest) = words.strip_prefix("backtrace") else {
        return words.starts_with("run with rust_backtrace=")
            || words.starts_with("run with colorbt_");
    };
    rest.is_empty() || rest.starts_with(" no. ") || rest.starts_with(" omitted")
}

/// Whether a character moves the cursor, reorders the line or cannot be seen.
///
/// Selectors of variants cannot be seen either, but the character before them looks as they say.
fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}'
            | '\u{e01f0}'..='\u{e0fff}')
}
