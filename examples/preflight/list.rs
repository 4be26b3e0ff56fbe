//! A list of targets, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::input::{Input, Origin, parse};
use super::problem::Problem;

/// The longest line of a list that is read, in bytes.
pub(crate) const LINE_MAX: usize = 1024;

/// How much of a list is read, in bytes.
pub(crate) const LIST_MAX: u64 = 1 << 20;

/// Reads the list at a path.
pub(crate) fn open(path: &str, inputs: &mut Vec<Input>) {
    let at = Origin::List(path.to_owned(), None);
    inputs.push(if may_wait(Path::new(path)) {
        Input::bad(at, |at| Problem::NotAFile { at })
    } else {
        match File::open(path) {
            Ok(file) => return read(path, BufReader::new(file), inputs),
            Err(source) => Input::bad(at, |at| Problem::Read { at, source }),
        }
    });
}

/// Whether to open it could be to wait for someone at the other end.
#[cfg(unix)]
fn may_wait(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    // What a shell makes of `<(command)` is open at both ends already.
    !path.starts_with("/dev/fd")
        && path.metadata().is_ok_and(|found| {
            let kind = found.file_type();
            kind.is_fifo() || kind.is_socket()
        })
}

#[cfg(not(unix))]
fn may_wait(_: &Path) -> bool {
    false
}

/// Reads one target a line; blank lines and what follows a `#` at the start of a word are skipped.
pub(crate) fn read(list: &str, reader: impl BufRead, inputs: &mut Vec<Input>) {
    let before = inputs.len();
    let whole = || Origin::List(list.to_owned(), None);
    // One byte more than is allowed tells a list that is too long from one that just fits.
    let mut reader = reader.take(LIST_MAX + 1);
    let mut line = Vec::new();
    for number in 1.. {
        let at = Origin::List(list.to_owned(), Some(number));
        line.clear();
        let read = read_line(&mut reader, &mut line);
        // The last line that was read may be the half of one.
        if reader.limit() == 0 {
            return inputs.push(Input::bad(at, |at| Problem::LongList { at }));
        }
        match read {
            Ok(Line::End) => break,
            Ok(Line::Long) => inputs.push(Input::bad(at, |at| Problem::LongLine { at })),
            Ok(Line::Whole) => match std::str::from_utf8(&line) {
                Ok(text) => {
                    // Some editors put a mark before the first line.
                    let mark = if number == 1 { "\u{feff}" } else { "" };
                    let text = target_in(text.strip_prefix(mark).unwrap_or(text));
                    inputs.extend(text.map(|text| parse(text, at)));
                }
                Err(_) => inputs.push(Input::bad(at, |at| Problem::NotUtf8 { at })),
            },
            Err(source) => {
                return inputs.push(Input::bad(whole(), |at| Problem::Read { at, source }));
            }
        }
    }
    if inputs.len() == before {
        inputs.push(Input::bad(whole(), |at| Problem::EmptyList { at }));
    }
}

enum Line {
    Whole,
    Long,
    End,
}

/// Reads up to the end of the line, and keeps no more than `LINE_MAX` bytes of it.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    let max = LINE_MAX as u64 + 1;
    if reader.by_ref().take(max).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') || line.len() <= LINE_MAX {
        return Ok(Line::Whole);
    }
    reader.skip_until(b'\n')?;
    Ok(Line::Long)
}

/// The line without its comment, if anything is left of it.
fn target_in(line: &str) -> Option<&str> {
    let starts_word = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
    let comment = line.match_indices('#').find(|&(at, _)| starts_word(at));
    let text = line[..comment.map_or(line.len(), |(at, _)| at)].trim();
    (!text.is_empty()).then_some(text)
}
