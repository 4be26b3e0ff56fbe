//! From arguments, lists and standard input to targets, each with the place where it was written.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::problem::Problem;
use super::target::Target;

/// The longest line of a list that is read, in bytes.
pub(crate) const LINE_MAX: usize = 1024;

/// How much of a list is read, in bytes.
pub(crate) const LIST_MAX: u64 = 1 << 20;

/// One target to check, or what is wrong with it already.
pub(crate) struct Input {
    /// What it is called in the report.
    pub(crate) name: String,
    pub(crate) target: Result<Target, Problem>,
}

/// Where a target was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Counted from 1.
    Argument(usize),
    /// A list, and the line in it where there is one, counted from 1.
    List(String, Option<usize>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(number) => write!(f, "argument {number}"),
            Self::List(list, None) => f.write_str(list),
            Self::List(list, Some(line)) => write!(f, "{list}:{line}"),
        }
    }
}

/// All targets in the order in which they were given. Nothing is left out: what cannot be read or
/// understood is an input with a problem.
pub(crate) fn read_all(arguments: &[OsString]) -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut stdin_was_read = false;
    for (argument, at) in arguments.iter().zip((1..).map(Origin::Argument)) {
        if argument == "-" {
            let name = "standard input".to_owned();
            if stdin_was_read {
                inputs.push(Input { name, target: Err(Problem::StdinTwice { at }) });
            } else {
                stdin_was_read = true;
                read_list(&name, &name, io::stdin().lock(), &mut inputs);
            }
        } else if let Some(path) = list_path(argument) {
            open_list(Path::new(&path), &mut inputs);
        } else {
            inputs.push(match argument.to_str() {
                Some(text) => parse(text, at),
                None => Input { name: shown(argument), target: Err(Problem::NotUtf8 { at }) },
            });
        }
    }
    inputs
}

/// The path in `file:PATH`.
fn list_path(argument: &OsStr) -> Option<OsString> {
    match argument.to_str() {
        Some(text) => text.strip_prefix("file:").map(OsString::from),
        None => None,
    }
}

fn open_list(path: &Path, inputs: &mut Vec<Input>) {
    let list = shown(path.as_os_str());
    let name = path.file_name().map_or_else(|| list.clone(), shown);
    match File::open(path) {
        Ok(file) => read_list(&list, &name, BufReader::new(file), inputs),
        Err(source) => inputs.push(unreadable(&list, &name, source)),
    }
}

/// Reads one target a line; blank lines and what follows a `#` at the start of a word are skipped.
fn read_list(list: &str, name: &str, reader: impl BufRead, inputs: &mut Vec<Input>) {
    let before = inputs.len();
    // One byte more than is allowed tells a list that is too long from one that just fits.
    let mut reader = reader.take(LIST_MAX + 1);
    let mut line = Vec::new();
    for number in 1.. {
        let at = Origin::List(list.to_owned(), Some(number));
        line.clear();
        let read = read_line(&mut reader, &mut line);
        let too_long = reader.limit() == 0;
        let input = match read {
            // The last line that was read may be the half of one.
            Ok(_) if too_long => Some(Err(Problem::LongList { at })),
            Ok(Line::End) => break,
            Ok(Line::Long) => Some(Err(Problem::LongLine { at })),
            Ok(Line::Whole) => match std::str::from_utf8(&line) {
                Ok(text) => target_in(text).map(|text| Ok((text, at))),
                Err(_) => Some(Err(Problem::NotUtf8 { at })),
            },
            Err(source) => return inputs.push(unreadable(list, name, source)),
        };
        inputs.extend(input.map(|input| match input {
            Ok((text, at)) => parse(text, at),
            Err(problem) => Input { name: format!("{name}:{number}"), target: Err(problem) },
        }));
        if too_long {
            return;
        }
    }
    if inputs.len() == before {
        let at = Origin::List(list.to_owned(), None);
        inputs.push(Input { name: name.to_owned(), target: Err(Problem::EmptyList { at }) });
    }
}

fn unreadable(list: &str, name: &str, source: io::Error) -> Input {
    let at = Origin::List(list.to_owned(), None);
    Input { name: name.to_owned(), target: Err(Problem::Read { at, source }) }
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
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let starts_word = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
    let comment = line.match_indices('#').find(|&(at, _)| starts_word(at));
    let text = line[..comment.map_or(line.len(), |(at, _)| at)].trim();
    (!text.is_empty()).then_some(text)
}

fn parse(text: &str, at: Origin) -> Input {
    let mut name = shown(OsStr::new(text));
    if let Origin::List(list, Some(line)) = &at {
        let file = Path::new(list).file_name().map_or_else(|| list.clone(), shown);
        name.push_str(&format!(" ({file}:{line})"));
    }
    Input { name, target: text.parse().map_err(|why| Problem::Target { at, why }) }
}

/// Text from outside on one line, made fit for a terminal.
fn shown(text: &OsStr) -> String {
    text.to_string_lossy().escape_debug().to_string()
}
