//! The errors that children fail with: they say anything, and count how often they are asked.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub(crate) type Boxed = Box<dyn Error + Send + Sync>;

/// What a child fails with.
#[derive(Default)]
pub(crate) struct Fault {
    /// Unique in one case.
    pub(crate) number: usize,
    pub(crate) text: String,
    pub(crate) manner: Manner,
    pub(crate) cause: Option<Boxed>,
    pub(crate) asked: Asked,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Characters for each write, or all of them.
    pub(crate) piece: Option<usize>,
    /// Fails after the last write.
    pub(crate) fails: bool,
    /// Goes on where a write fails, and does not tell.
    pub(crate) deaf: bool,
}

/// What was asked of an error.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// How often it was written.
    pub(crate) shown: AtomicUsize,
    /// The most writes that were tried in one go.
    pub(crate) writes: AtomicUsize,
}

impl Asked {
    pub(crate) fn take(&self) -> (usize, usize) {
        (self.shown.swap(0, Relaxed), self.writes.swap(0, Relaxed))
    }
}

impl Fault {
    /// What its `Debug` writes.
    pub(crate) fn debug_text(&self) -> String {
        format!("~{}", self.text)
    }

    fn write(&self, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.asked.shown.fetch_add(1, Relaxed);
        self.manner.write(text, &self.asked.writes, f)
    }
}

impl Manner {
    fn write(self, text: &str, most: &AtomicUsize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = text;
        let mut writes = 0;
        while !rest.is_empty() {
            let end = self.piece.and_then(|piece| rest.char_indices().nth(piece));
            let (piece, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
            rest = after;
            writes += 1;
            most.fetch_max(writes, Relaxed);
            let written = f.write_str(piece);
            if !self.deaf {
                written?;
            }
        }
        if self.fails { Err(fmt::Error) } else { Ok(()) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&self.text, f)
    }
}

/// Not escaped, unless the structure is asked for.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            self.asked.shown.fetch_add(1, Relaxed);
            return write!(f, "Fault({:?})", self.text);
        }
        self.write(&self.debug_text(), f)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.cause.as_ref()?)
    }
}

/// What another error was caused by; one type for each `KIND`, to be searched for.
#[derive(Debug)]
pub(crate) struct Needle<const KIND: u8> {
    pub(crate) number: usize,
    pub(crate) text: String,
    pub(crate) cause: Option<Boxed>,
}

impl<const KIND: u8> fmt::Display for Needle<KIND> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<const KIND: u8> Error for Needle<KIND> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.cause.as_ref()?)
    }
}

/// Is its own source, again and again.
#[derive(Debug, Default)]
pub(crate) struct Endless {
    pub(crate) asked: AtomicUsize,
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("endless")
    }
}

impl Error for Endless {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.asked.fetch_add(1, Relaxed);
        Some(self)
    }
}

/// No case has one.
#[derive(Debug)]
pub(crate) struct Absent;

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("absent")
    }
}

impl Error for Absent {}
