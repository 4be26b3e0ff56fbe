//! The polls of a child as slices that are apart.

use std::time::Duration;

use crate::observe::timeline::recording::PollSpan;

/// Polls that began at the same moment, as they do where a clock is coarse or stands still. They
/// are drawn as one: of two slices that begin together a viewer takes one to be inside the other.
pub(super) struct Slice<'a> {
    pub(super) began: Duration,
    /// Not after the beginning of the next slice.
    pub(super) ended: Duration,
    pub(super) polls: &'a [PollSpan],
}

pub(super) fn polls(polls: &[PollSpan]) -> impl Iterator<Item = Slice<'_>> {
    let mut groups = polls.chunk_by(|one, next| next.began <= one.began).peekable();
    std::iter::from_fn(move || {
        let polls = groups.next()?;
        let began = polls[0].began;
        let ended = polls.iter().map(|poll| poll.ended).fold(began, Duration::max);
        let next = groups.peek().map_or(ended, |next| next[0].began);
        Some(Slice { began, ended: ended.min(next), polls })
    })
}
