//! Arrows from what woke a child to the poll that came of it.

use super::layout::Layout;
use super::polls::polls;
use crate::observe::timeline::life::poll_at;

/// An arrow between two places of the trace, with their times in nanoseconds.
pub(super) struct Arrow {
    pub(super) from: (u64, u64),
    pub(super) woken: u64,
    pub(super) to: (u64, u64),
    pub(super) polled: u64,
}

/// Calls `draw` for each wake by another child whose two polls are both in the recording.
pub(super) fn arrows(
    layout: &Layout<'_>,
    mut draw: impl FnMut(Arrow) -> std::fmt::Result,
) -> std::fmt::Result {
    for (at, child) in layout.recording.children.iter().enumerate() {
        for poll in &child.polls {
            let Some((time, by)) = &poll.woken else { continue };
            let Some((waker, track)) = by.number().and_then(|number| layout.child(number)) else {
                continue;
            };
            let Some(inside) = poll_at(&track.polls, *time) else { continue };
            // Polls that are drawn as one begin at the same time.
            let from = track.polls[..=inside]
                .partition_point(|poll| poll.began < track.polls[inside].began);
            let Some(slice) = polls(&track.polls[from..]).next() else { continue };
            // The end does not belong to a slice: at that time the next may begin.
            let last = slice.ended.saturating_sub(std::time::Duration::from_nanos(1));
            let woken = layout.time((*time).min(last.max(slice.began)));
            let polled = layout.time(poll.began);
            if woken <= polled && waker != at {
                draw(Arrow { from: layout.place(waker), woken, to: layout.place(at), polled })?;
            }
        }
    }
    Ok(())
}
