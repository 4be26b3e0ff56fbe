//! The polls of a child as slices that begin at different times.

use std::time::Duration;

use crate::observe::timeline::recording::PollSpan;

/// Polls that began at the same moment, as they do where a clock is coarse or stands still. They
/// are drawn as one: of two slices that begin together a viewer takes one to be inside the other.
pub(super) struct Slice<'a> {
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) polls: &'a [PollSpan],
}

pub(super) fn slices(polls: &[PollSpan]) -> impl Iterator<Item = Slice<'_>> {
    polls.chunk_by(|one, next| one.began == next.began).map(|polls| {
        let (began, ended) = (polls[0].began, polls[polls.len() - 1].ended);
        Slice { began, ended: ended.max(began), polls }
    })
}
