//! Text out of bytes.

use arbitrary::Unstructured;

/// What may break a line, a tree or a terminal, or look as if it were part of a tree.
const SPECIAL: [char; 64] = [
    '\0',
    '\u{7}',
    '\u{8}',
    '\t',
    '\n',
    '\u{b}',
    '\r',
    '\u{1b}',
    '\u{7f}',
    '\u{85}',
    '\u{9b}',
    '\u{9d}',
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{17b4}',
    '\u{180e}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{200e}',
    '\u{200f}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202b}',
    '\u{202c}',
    '\u{202d}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2067}',
    '\u{2068}',
    '\u{2069}',
    '\u{206f}',
    '\u{3164}',
    '\u{feff}',
    '\u{ffa0}',
    '\u{fff9}',
    '\u{fffb}',
    '\u{1bca0}',
    '\u{1d173}',
    '\u{e0001}',
    '\u{e0041}',
    '\u{e007f}',
    '\u{a0}',
    '\u{3000}',
    '…',
    '│',
    '├',
    '└',
    '─',
    '取',
    'ש',
    'ع',
    '🦀',
    '\u{301}',
    '\u{fe0f}',
    'é',
    '"',
    '\\',
    '(',
    ';',
];

/// A first byte below 128 is a length, and so much UTF-8 follows. From 128 it is a length too, and
/// each byte that follows is a character: an ASCII one, or one of [`SPECIAL`]. From 240 one such
/// byte follows and a number of two bytes, how often it is repeated, as far as `budget` allows.
pub(crate) fn text(u: &mut Unstructured<'_>, budget: &mut usize) -> arbitrary::Result<String> {
    let first = usize::from(u.arbitrary::<u8>()?);
    if first >= 240 {
        let unit = character(u.arbitrary()?);
        let times = usize::from(u.arbitrary::<u16>()?).min(*budget);
        *budget -= times;
        return Ok(std::iter::repeat_n(unit, times).collect());
    }
    let coded = first >= 128;
    let bytes = u.bytes((first % 128).min(u.len()))?;
    Ok(if coded {
        bytes.iter().copied().map(character).collect()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    })
}

fn character(byte: u8) -> char {
    match byte.checked_sub(128) {
        Some(special) => SPECIAL[usize::from(special) % SPECIAL.len()],
        None => char::from(byte),
    }
}

/// Whether a character moves the cursor, breaks or reorders the line, or cannot be seen.
///
/// These are Unicode's controls, the separators of lines and paragraphs, the characters with
/// `Bidi_Control`, the annotations, and those with `Default_Ignorable_Code_Point`: but not the
/// selectors of variants, which say how the character before them looks.
pub(crate) fn breaks(c: char) -> bool {
    const RANGES: [(u32, u32); 21] = [
        (0x80, 0x9f),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x17b4, 0x17b5),
        (0x180e, 0x180e),
        (0x200b, 0x200f),
        (0x2028, 0x2029),
        (0x202a, 0x202e),
        (0x2060, 0x2065),
        (0x2066, 0x206f),
        (0x3164, 0x3164),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfff8),
        (0xfff9, 0xfffb),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0000, 0xe00ff),
        (0xe01f0, 0xe0fff),
    ];
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    RANGES.iter().any(|&(first, last)| (first..=last).contains(&u32::from(c)))
}

/// `text` with its breaking characters escaped, cut before the first that is beyond `chars`.
pub(crate) fn clip(text: &str, chars: usize) -> String {
    match clip_or_cut(text, chars) {
        Ok(whole) => whole,
        Err(cut) => cut,
    }
}

/// [`clip`]; an error if it is cut.
pub(crate) fn clip_or_cut(text: &str, chars: usize) -> Result<String, String> {
    let mut clipped = String::new();
    let mut left = chars;
    for c in text.chars() {
        let escape = breaks(c).then(|| c.escape_default());
        let length = escape.as_ref().map_or(1, ExactSizeIterator::len);
        if length > left {
            return Err(clipped + "…");
        }
        left -= length;
        match escape {
            Some(escape) => clipped.extend(escape),
            None => clipped.push(c),
        }
    }
    Ok(clipped)
}

/// The lines of a message: at most so many, each of at most so many characters. `fails` says
/// whether its writer fails at the end.
pub(crate) fn lines_of(text: &str, chars: usize, lines: usize, fails: bool) -> Vec<String> {
    let text = without_colour(text).replace("\r\n", "\n").replace('\t', "    ");
    let text = text.strip_suffix('\r').unwrap_or(&text);
    let mut shown: Vec<String> = Vec::new();
    let (mut indent, mut in_backtrace) = (0, false);
    for whole in text.split('\n') {
        let whole = whole.trim_end_matches(' ');
        if shown.len() == lines {
            if whole.is_empty() {
                continue;
            }
            mark(&mut shown);
            return shown;
        }
        let trimmed = whole.trim_start_matches(' ');
        let leading = whole.len() - trimmed.len();
        if shown.is_empty() && !trimmed.is_empty() {
            indent = leading;
        }
        let (line, is_cut) = match clip_or_cut(&whole[indent.min(leading)..], chars) {
            Ok(line) => (line, false),
            Err(cut) => {
                let cut = cut.strip_suffix('…').unwrap_or(&cut).trim_end_matches(' ');
                (format!("{cut}…"), true)
            }
        };
        in_backtrace &= line.is_empty() || whole.starts_with(' ');
        if line.is_empty() || in_backtrace {
            continue;
        }
        if !shown.is_empty() && is_heading(&line) {
            let rule = |last: &String| last.chars().all(|c| "━─═-=".contains(c));
            if shown.len() > 1 && shown.last().is_some_and(rule) {
                shown.pop();
            }
            in_backtrace = true;
            if is_cut && shown.len() + 1 == lines {
                return shown;
            }
            continue;
        }
        shown.push(line);
        if is_cut && shown.len() == lines {
            return shown;
        }
    }
    if fails {
        mark(&mut shown);
    }
    shown
}

fn is_heading(line: &str) -> bool {
    let words = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let words = words.strip_prefix("stack ").unwrap_or(&words);
    let beginnings =
        ["backtrace no. ", "backtrace omitted", "run with rust_backtrace=", "run with colorbt_"];
    words == "backtrace" || beginnings.iter().any(|beginning| words.starts_with(beginning))
}

fn mark(shown: &mut Vec<String>) {
    match shown.last_mut() {
        Some(last) if last.ends_with('…') => {}
        Some(last) => last.push('…'),
        None => shown.push("…".to_owned()),
    }
}

/// Without `ESC [ numbers m`.
fn without_colour(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some(at) = rest.find("\u{1b}[") {
        let mark = &rest[at + 2..];
        let numbers = mark.trim_start_matches(|c| matches!(c, '0'..='9' | ';' | ':'));
        let length = mark.len() - numbers.len();
        plain += &rest[..at];
        if length <= 30 && numbers.starts_with('m') {
            rest = &numbers[1..];
        } else {
            plain += "\u{1b}[";
            rest = mark;
        }
    }
    plain + rest
}

/// Whether `shown` has `text` between the ends of words.
pub(crate) fn has_words(shown: &str, text: &str) -> bool {
    let inner = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    (0..=shown.len()).filter(|at| shown.is_char_boundary(*at)).any(|at| {
        let (before, after) = shown.split_at(at);
        let behind = after.strip_prefix(text).map(|rest| rest.chars().next());
        behind.is_some_and(|behind| !inner(behind) && !inner(before.chars().next_back()))
    })
}
