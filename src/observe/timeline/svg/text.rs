//! Text in the picture: cut by the columns that it takes, and escaped for XML.
//!
//! The font has columns of one width, so that it is known here how wide a text is drawn.

use std::fmt::{self, Write as _};

use super::px::Px;

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
        marks = if width(c) == 0 { marks + 1 } else { 0 };
        if marks > 2 {
            continue;
        }
        used += width(c);
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
    if columns_of(text) <= columns {
        return cut(text, columns);
    }
    let (mut from, mut used) = (text.len(), 1);
    for (at, c) in text.char_indices().rev() {
        used += width(c);
        if used > columns {
            break;
        }
        from = at;
    }
    cut(&format!("…{}", &text[from..]), columns)
}

pub(super) fn columns_of(text: &str) -> usize {
    text.chars().map(width).sum()
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
        let width = Px(columns_of(text) as u64 * COLUMN);
        write!(out, " textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"")?;
    }
    writeln!(out, ">{}</text>", Xml(text))
}

/// Whether each font for code has it, one column wide.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{24f}' | '…')
}

/// The columns that a character takes: none for marks on the letter before, two for most letters of
/// East Asia and for emoji. It may be more than is needed, as that only leaves a gap.
fn width(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{e31}'
        | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{231a}'..='\u{231b}'
        | '\u{23e9}'..='\u{23fa}'
        | '\u{2600}'..='\u{27bf}'
        | '\u{2b00}'..='\u{2bff}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe10}'..='\u{fe19}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}
