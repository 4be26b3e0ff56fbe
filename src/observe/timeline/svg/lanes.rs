//! Lanes: children that are drawn beside each other in one line, as none is there with another.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Kept free between two children of a lane.
pub(super) const GAP: u64 = 5;

/// The lane of each span, the lowest that is free, and how many lanes there are. The spans come in
/// the order in which they start.
pub(super) fn pack(spans: impl Iterator<Item = Range<u64>>) -> (Vec<usize>, usize) {
    let mut taken = BinaryHeap::new();
    let mut free = BinaryHeap::new();
    let mut count = 0;
    let lanes = spans.map(|span| {
        while let Some(&Reverse((end, lane))) = taken.peek() {
            if end + GAP > span.start {
                break;
            }
            taken.pop();
            free.push(Reverse(lane));
        }
        let lane = free.pop().map_or(count, |Reverse(lane)| lane);
        count = count.max(lane + 1);
        taken.push(Reverse((span.end, lane)));
        lane
    });
    (lanes.collect(), count)
}
