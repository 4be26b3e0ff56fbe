//! How many children run and how many are queued, over time.

use std::time::Duration;

use super::layout::Layout;
use crate::observe::timeline::life::{has_started, queued};

/// From this time on.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) time: Duration,
    pub(super) running: u64,
    pub(super) queued: u64,
}

/// The counts of these children at each time at which they change.
pub(super) fn counts(layout: &Layout<'_>, children: &[usize]) -> Vec<Count> {
    let mut changes: Vec<(Duration, i64, i64)> = Vec::with_capacity(3 * children.len());
    for &at in children {
        let child = &layout.recording.children[at];
        let (life, queued) = (layout.life(child), queued(child, layout.recording.to));
        let has_ended = child.ended.is_some();
        changes.push((queued.from, 0, 1));
        if has_started(child) {
            changes.push((queued.to, 1, -1));
            changes.extend(has_ended.then_some((life.to, -1, 0)));
        } else {
            changes.extend(has_ended.then_some((life.to, 0, -1)));
        }
    }
    changes.sort_by_key(|&(time, _, _)| time);
    let (mut running, mut queued) = (0, 0);
    let mut counts: Vec<Count> = Vec::new();
    for changes in changes.chunk_by(|one, next| one.0 == next.0) {
        for (_, started, waiting) in changes {
            running += started;
            queued += waiting;
        }
        // All of a moment is summed up first, so that no end comes before its start.
        let (running, queued) = (running.unsigned_abs(), queued.unsigned_abs());
        let last = counts.last().copied().unwrap_or_default();
        if counts.is_empty() || (last.running, last.queued) != (running, queued) {
            counts.push(Count { time: changes[0].0, running, queued });
        }
    }
    counts
}
