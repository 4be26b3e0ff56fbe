//! Lists of checksums, as `sha256sum` reads and writes them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::hash::Hash;

/// A file and its hash.
pub(crate) struct Line {
    pub(crate) name: PathBuf,
    pub(crate) hash: Hash,
}

impl Line {
    pub(crate) fn write_sum(&self, out: &mut impl Write) -> io::Result<()> {
        let (name, escaped) = escape(&self.name);
        out.write_all(if escaped { b"\\" } else { b"" })?;
        for byte in self.hash {
            write!(out, "{byte:02x}")?;
        }
        out.write_all(b"  ")?;
        out.write_all(&name)?;
        out.write_all(b"\n")
    }

    pub(crate) fn write_ok(&self, out: &mut impl Write) -> io::Result<()> {
        let (name, escaped) = escape(&self.name);
        out.write_all(if escaped { b"\\" } else { b"" })?;
        out.write_all(&name)?;
        out.write_all(b": OK\n")
    }
}

/// The lines of a list; of one that is none its number, from 1. Empty lines, and those that begin
/// with a `#`, say nothing.
pub(crate) fn parse(list: &[u8]) -> impl Iterator<Item = Result<Line, usize>> {
    let lines = list.split(|byte| *byte == b'\n').enumerate();
    lines.filter_map(|(at, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (!line.is_empty() && line[0] != b'#').then(|| parse_line(line).ok_or(at + 1))
    })
}

fn parse_line(line: &[u8]) -> Option<Line> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (digits, name) = match line.strip_prefix(b"SHA256 (") {
        // As BSD's tools write it, and `sha256sum --tag`.
        Some(rest) => {
            let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
            (digits, rest.strip_suffix(b") = ")?)
        }
        None => {
            let (digits, rest) = line.split_at_checked(64)?;
            (digits, rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?)
        }
    };
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? * 16 + digit(1)?) as u8;
    }
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    (!name.is_empty()).then(|| path(name)).flatten().map(|name| Line { name, hash })
}

/// The name as a line can have it, and whether that is another.
fn escape(name: &Path) -> (Vec<u8>, bool) {
    let bytes = name.as_os_str().as_encoded_bytes();
    let mut escaped = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            other => escaped.push(*other),
        }
    }
    let other = escaped.len() > bytes.len();
    (escaped, other)
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(plain)
}

#[cfg(unix)]
fn path(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}
