//! Text in the picture: cut by the columns that it takes, and escaped for XML.
//!
//! The font has columns of one width, so that it is known here how wide a text is drawn.

use std::fmt::{self, Write as _};

use super::px::Px;
use crate::observe::width::{char_width, text_width};

/// A column, with a little to spare: fonts differ.
pub(super) const COLUMN: u64 = 67;

/// Escapes what has a meaning in XML, and what XML does not allow.
pub(super) struct Xml<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Xml<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escape(f), "{}", self.0)
    }
}

struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            // A line end stays one, also where an attribute is read.
            '\n' => self.0.write_str("&#10;"),
            // Most are escaped where the text comes from.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                self.0.write_char(char::REPLACEMENT_CHARACTER)
            }
            c => self.0.write_char(c),
        })
    }
}

/// A text that fits into so many columns, with `…` where its end is missing.
///
/// More than two marks on a letter are left out: they would be drawn over the row above.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let mut short = String::new();
    let (mut used, mut marks) = (0, 0);
    // The length at which there is still room for `…`.
    let mut room = 0;
    for c in text.chars() {
        marks = if char_width(c) == 0 { marks + 1 } else { 0 };
        if marks > 2 {
            continue;
        }
        used += char_width(c);
        if used > columns {
            short.truncate(room);
            if columns > 0 {
                short.push('…');
            }
            return short;
        }
        short.push(c);
        if used < columns {
            room = short.len();
        }
    }
    short
}

/// As [`cut`], with the beginning left out.
pub(super) fn cut_front(text: &str, columns: usize) -> String {
    if text_width(text) <= columns {
        return cut(text, columns);
    }
    let (mut from, mut used) = (text.len(), 1);
    for (at, c) in text.char_indices().rev() {
        used += char_width(c);
        if used > columns {
            break;
        }
        from = at;
    }
    cut(&format!("…{}", &text[from..]), columns)
}

/// Writes a line of text, where there is one, that begins at `x` and stands on `y`.
///
/// Where the font may not have a letter in its own width, the text is squeezed into its columns.
pub(super) fn write(
    out: &mut dyn fmt::Write,
    (x, y): (u64, u64),
    class: &str,
    text: &str,
) -> fmt::Result {
    if text.is_empty() {
        return Ok(());
    }
    write!(out, "<text x=\"{}\" y=\"{}\"", Px(x), Px(y))?;
    if !class.is_empty() {
        write!(out, " class=\"{class}\"")?;
    }
    if !text.chars().all(is_plain) {
        let width = Px(text_width(text) as u64 * COLUMN);
        write!(out, " textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"")?;
    }
    writeln!(out, ">{}</text>", Xml(text))
}

/// Whether each font for code has it, one column wide.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{24f}' | '…')
}
