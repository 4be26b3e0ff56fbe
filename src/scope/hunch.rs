//! Whether the next child is worth polling before it has a place in the set.

/// A guess from what children did before it.
///
/// A child that is ready at its first poll, or only yields, is spared its place. For a child that
/// parks the poll was one too many. Children of one nursery tend to be alike.
pub(crate) struct Hunch {
    /// Above zero: the last ones were not worth it. Counts down to the next try.
    pass: u32,
}

/// How many children are placed at once after one that parked.
const PASS: u32 = 15;

impl Hunch {
    pub(crate) fn new() -> Self {
        Self { pass: 0 }
    }

    /// Whether to poll the next child first.
    #[inline]
    pub(crate) fn worth_it(&mut self) -> bool {
        match self.pass.checked_sub(1) {
            Some(left) => {
                self.pass = left;
                false
            }
            None => true,
        }
    }

    /// The child that was polled first parked.
    #[inline]
    pub(crate) fn was_wrong(&mut self) {
        self.pass = PASS;
    }
}
