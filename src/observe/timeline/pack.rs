//! Puts spans on as few lines as can be, so that none is drawn over another.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The line of each span, the lowest that is free, and how many lines there are.
///
/// A span is its beginning, and the moment from which on its line is free again. The spans come in
/// the order of their beginnings.
pub(super) fn pack<T: Ord>(spans: impl Iterator<Item = (T, T)>) -> (Vec<usize>, usize) {
    let mut taken = BinaryHeap::new();
    let mut free = BinaryHeap::new();
    let mut count = 0;
    let lines = spans.map(|(from, free_from)| {
        while taken.peek().is_some_and(|Reverse((until, _))| *until <= from) {
            free.extend(taken.pop().map(|Reverse((_, line))| Reverse(line)));
        }
        let line = free.pop().map_or(count, |Reverse(line)| line);
        count = count.max(line + 1);
        taken.push(Reverse((free_from, line)));
        line
    });
    (lines.collect(), count)
}
