//! Text of unknown origin, made fit for one line of a terminal.

use std::fmt::{self, Write as _};

/// The length at which a message is cut, in characters.
pub(crate) const MAX_MESSAGE: usize = 300;

/// The length at which a name is cut unless told otherwise, in characters.
pub(crate) const MAX_NAME: usize = 40;

/// The text of `T` on one line: what would break the line or the terminal is escaped, and it is cut
/// at [`MAX_MESSAGE`] characters.
///
/// The text is streamed, and formatting stops at the cut: nothing is buffered, however long it is.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Clipped { text: &self.0, chars: MAX_MESSAGE, when_empty: "" }.fmt(f)
    }
}

/// [`Escaped`] with a length of its own, and with a text to stand in for none.
pub(crate) struct Clipped<T> {
    pub(crate) text: T,
    pub(crate) chars: usize,
    pub(crate) when_empty: &'static str,
}

impl<T> Clipped<T> {
    /// For what an error says: an entry without any text would look like a fault of the tree.
    pub(crate) fn message(text: T, chars: usize) -> Self {
        Self { text, chars, when_empty: "(no message)" }
    }

    /// For what a child or a nursery is called, which may be nothing.
    pub(crate) fn name(text: T, chars: usize) -> Self {
        Self { text, chars, when_empty: "" }
    }
}

impl<T: fmt::Display> fmt::Display for Clipped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut clip = Clip { out: f, left: self.chars, state: State::Open };
        let result = write!(clip, "{}", self.text);
        match clip.state {
            State::Broken => Err(fmt::Error),
            State::Cut => Ok(()),
            // A `Display` that fails by itself would make `to_string` panic if it were passed on.
            State::Open if result.is_err() => f.write_char('…'),
            State::Open if clip.left == self.chars => f.write_str(self.when_empty),
            State::Open => Ok(()),
        }
    }
}

/// The file and the line. Of a long path the end says more than the beginning.
pub(crate) fn place(file: &str, line: u32) -> String {
    let place = format!("{file}:{line}");
    match place.char_indices().rev().nth(MAX_NAME - 1) {
        Some((at, _)) if at > 0 => format!("…{}", Clipped::name(&place[at..], MAX_NAME)),
        _ => Clipped::name(&place, MAX_NAME).to_string(),
    }
}

struct Clip<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    left: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The text was too long. From here on every write fails, so that formatting ends early.
    Cut,
    /// `out` itself failed.
    Broken,
}

impl Clip<'_, '_> {
    fn put(&mut self, text: &str) -> fmt::Result {
        let result = self.out.write_str(text);
        if result.is_err() {
            self.state = State::Broken;
        }
        result
    }
}

impl fmt::Write for Clip<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.state != State::Open {
            return Err(fmt::Error);
        }
        let mut unwritten = 0;
        for (at, c) in text.char_indices() {
            let escape = needs_escape(c).then(|| c.escape_default());
            let chars = escape.as_ref().map_or(1, ExactSizeIterator::len);
            if chars > self.left {
                self.put(&text[unwritten..at])?;
                self.put("…")?;
                self.state = State::Cut;
                return Err(fmt::Error);
            }
            self.left -= chars;
            if let Some(escape) = escape {
                self.put(&text[unwritten..at])?;
                for c in escape {
                    self.put(c.encode_utf8(&mut [0; 4]))?;
                }
                unwritten = at + c.len_utf8();
            }
        }
        self.put(&text[unwritten..])
    }
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
