//! Places in the picture. All are whole tenths of a pixel, so that each machine draws the same.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// Tenths of a pixel, written as pixels.
#[derive(Clone, Copy)]
pub(super) struct Px(pub(super) u64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{}", self.0 / 10),
            rest => write!(f, "{}.{rest}", self.0 / 10),
        }
    }
}

/// Where a moment is on the time axis.
#[derive(Clone)]
pub(super) struct Scale {
    pub(super) left: u64,
    pub(super) right: u64,
    pub(super) from: Duration,
    pub(super) to: Duration,
}

impl Scale {
    pub(super) fn x(&self, at: Duration) -> u64 {
        let at = at.clamp(self.from, self.to) - self.from;
        self.left + (at.as_nanos() * u128::from(self.right - self.left) / self.nanos()) as u64
    }

    /// The time on the axis, which is never none.
    pub(super) fn nanos(&self) -> u128 {
        (self.to - self.from).as_nanos().max(1)
    }

    /// The time that so many tenths of a pixel take.
    pub(super) fn time(&self, width: u64) -> Duration {
        let nanos = self.nanos() * u128::from(width) / u128::from(self.right - self.left);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Joins spans, which come in order, where less than `gap` is between them.
pub(super) fn join(
    spans: impl Iterator<Item = Range<u64>>,
    gap: u64,
) -> impl Iterator<Item = Range<u64>> {
    let mut spans = spans.peekable();
    std::iter::from_fn(move || {
        let mut span = spans.next()?;
        while let Some(next) = spans.next_if(|next| next.start < span.end + gap) {
            span.end = span.end.max(next.end);
        }
        Some(span)
    })
}
