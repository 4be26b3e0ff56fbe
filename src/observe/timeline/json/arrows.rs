//! Arrows from what woke a child to the poll that came of it.

use std::fmt;
use std::time::Duration;

use super::layout::Layout;
use crate::observe::timeline::life::poll_at;

/// An arrow between two places of the trace, with their times in nanoseconds.
pub(super) struct Arrow {
    pub(super) from: (u64, u64),
    pub(super) woken: u64,
    pub(super) to: (u64, u64),
    pub(super) polled: u64,
}

/// Calls `draw` for each wake by another child, if the polls of both are in the recording.
pub(super) fn arrows(
    layout: &Layout<'_>,
    mut draw: impl FnMut(Arrow) -> fmt::Result,
) -> fmt::Result {
    for (at, child) in layout.recording.children.iter().enumerate() {
        for poll in &child.polls {
            let Some((woken, by)) = &poll.woken else { continue };
            let waker = by.number().and_then(|number| layout.child(number));
            let Some((waker, track)) = waker.filter(|(waker, _)| *waker != at) else { continue };
            let Some(inside) = poll_at(&track.polls, *woken) else { continue };
            // The end does not belong to a slice: at that time the next may begin.
            let last = track.polls[inside].ended.saturating_sub(Duration::from_nanos(1));
            let woken = (*woken).min(last.max(track.polls[inside].began));
            // On another thread, the wake may be noted when the child is already polled for it.
            if woken <= poll.began {
                let (from, to) = (layout.place(waker), layout.place(at));
                let (woken, polled) = (layout.time(woken), layout.time(poll.began));
                draw(Arrow { from, woken, to, polled })?;
            }
        }
    }
    Ok(())
}
