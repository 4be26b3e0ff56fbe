//! Lanes: children that are drawn beside each other in one line, as none is there with another.

use std::ops::Range;

/// Kept free between two children of a lane.
pub(super) const GAP: u64 = 5;

/// The lane of each span, the lowest that is free, and how many lanes there are. The spans come in
/// the order in which they start.
pub(super) fn pack(spans: impl Iterator<Item = Range<u64>>) -> (Vec<usize>, usize) {
    crate::observe::timeline::pack::pack(spans.map(|span| (span.start, span.end + GAP)))
}
