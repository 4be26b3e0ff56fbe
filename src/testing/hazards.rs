//! What an executor may do to its tasks' wakes.

/// What an [`Executor`](super::Executor) does that a well-meaning runtime seldom does, and every
/// runtime may.
///
/// Chances are in percent; more than 100 is 100, and for spurious wakes more than 25 is 25: with
/// more of them a run might not end. They hold where choices come [from a
/// seed](super::Executor::new). [From elsewhere](super::Executor::from_choices), a hazard with a
/// chance below 100 is a choice of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Hazards {
    pub(super) spurious_wakes: u8,
    pub(super) late_wakes: u8,
    pub(super) duplicate_wakes: u8,
    pub(super) fresh_wakers: bool,
}

impl Hazards {
    /// None: a task is polled when it was woken and at no other time, and keeps one waker. Which of
    /// those that were woken comes next is still a choice.
    pub const fn none() -> Self {
        Self { spurious_wakes: 0, late_wakes: 0, duplicate_wakes: 0, fresh_wakers: false }
    }

    /// All of them, each often enough to be met in a short run. This is what an executor begins
    /// with.
    pub const fn all() -> Self {
        Self { spurious_wakes: 10, late_wakes: 25, duplicate_wakes: 15, fresh_wakers: true }
    }

    /// How often a task or a waiting future is woken although nothing happened; only while some
    /// task has something else to do.
    pub const fn spurious_wakes(self, percent: u8) -> Self {
        // Each may bring two polls, where wakes are duplicated, and each poll may bring another.
        let spurious_wakes = if percent > 25 { 25 } else { percent };
        Self { spurious_wakes, ..self }
    }

    /// How often a wake is held back: others may run first, and it may come when the future that it
    /// was for is gone. It does come, and before time passes.
    pub const fn late_wakes(self, percent: u8) -> Self {
        Self { late_wakes: percent, ..self }
    }

    /// How often a waker is cloned, and the clone woken too, at some later time.
    pub const fn duplicate_wakes(self, percent: u8) -> Self {
        Self { duplicate_wakes: percent, ..self }
    }

    /// Whether each poll gets a waker of its own that is dropped after the poll, and those of
    /// earlier polls do nothing any more.
    pub const fn fresh_wakers(self, fresh: bool) -> Self {
        Self { fresh_wakers: fresh, ..self }
    }
}
