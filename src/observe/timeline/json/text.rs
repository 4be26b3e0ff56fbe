//! Writes events as JSON.

use std::fmt::{self, Write};

/// An object that is being written. It has to be [closed](Object::close).
pub(super) struct Object<'a> {
    out: &'a mut dyn Write,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut dyn Write) -> Result<Self, fmt::Error> {
        out.write_char('{')?;
        Ok(Self { out, is_empty: true })
    }

    pub(super) fn close(self) -> fmt::Result {
        self.out.write_char('}')
    }

    pub(super) fn text(&mut self, key: &str, value: impl fmt::Display) -> fmt::Result {
        self.key(key)?;
        self.out.write_char('"')?;
        write!(Escaped(self.out), "{value}")?;
        self.out.write_char('"')
    }

    pub(super) fn number(&mut self, key: &str, value: u64) -> fmt::Result {
        self.key(key)?;
        write!(self.out, "{value}")
    }

    /// Nanoseconds as microseconds, exactly.
    pub(super) fn micros(&mut self, key: &str, nanos: u64) -> fmt::Result {
        self.key(key)?;
        write!(self.out, "{}.{:03}", nanos / 1_000, nanos % 1_000)
    }

    pub(super) fn object(
        &mut self,
        key: &str,
        write: impl FnOnce(&mut Object<'_>) -> fmt::Result,
    ) -> fmt::Result {
        self.key(key)?;
        let mut object = Object::open(self.out)?;
        write(&mut object)?;
        object.close()
    }

    fn key(&mut self, key: &str) -> fmt::Result {
        if !std::mem::take(&mut self.is_empty) {
            self.out.write_char(',')?;
        }
        write!(self.out, "\"{key}\":")
    }
}

/// The inside of a string.
struct Escaped<'a>(&'a mut dyn Write);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c < ' ' || matches!(c, '"' | '\\' | '\u{7f}')) {
            self.0.write_str(&rest[..at])?;
            // All of them are one byte long.
            match rest.as_bytes()[at] {
                b'"' => self.0.write_str("\\\"")?,
                b'\\' => self.0.write_str("\\\\")?,
                b'\n' => self.0.write_str("\\n")?,
                byte => write!(self.0, "\\u{byte:04x}")?,
            }
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::*;
    use crate::observe::timeline::tests::read;

    #[test]
    fn all_characters_come_back() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let mut json = String::new();
        let mut object = Object::open(&mut json).unwrap();
        object.text("all", &all).unwrap();
        object.close().unwrap();
        assert!(!json.contains(|c: char| c < ' '));
        assert_eq!(read(&format!("{json} "))["all"].text(), all);
    }

    #[test]
    fn times_are_exact() {
        let mut json = String::new();
        let mut object = Object::open(&mut json).unwrap();
        for (key, nanos) in [("a", 0), ("b", 1), ("c", 1_020), ("d", u64::MAX)] {
            object.micros(key, nanos).unwrap();
        }
        object.close().unwrap();
        assert_eq!(json, r#"{"a":0.000,"b":0.001,"c":1.020,"d":18446744073709551.615}"#);
    }
}
