//! The lines of one stack, which are looked up when they are asked for.

use std::fmt;
use std::sync::OnceLock;

use super::line::AwaitLine;
use super::resolve::resolve;
use super::walk::Walk;

/// Where a child waits for one thing: the awaits that lead there.
///
/// Made of addresses. The lines are looked up when they are first asked for, and kept. The first
/// look-up in a program reads its debug information, which takes milliseconds, or a second in a
/// large one; each takes a lock that all backtraces of the `backtrace` crate share.
///
/// Frames of the standard library, of this crate, and of packages that cargo downloaded are left
/// out. If there are no others, those of packages stay.
#[derive(Clone)]
pub struct AwaitStack {
    walk: Walk,
    lines: OnceLock<Vec<AwaitLine>>,
}

impl AwaitStack {
    pub(super) fn new(walk: Walk) -> Self {
        Self { walk, lines: OnceLock::new() }
    }

    /// Its lines, outermost first: the last one is where the child waits, and the others await that.
    /// Empty if nothing is known of them.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &AwaitLine> + Clone {
        self.lines.get_or_init(|| resolve(&self.walk)).iter()
    }

    /// Whether outermost lines are missing, as the stack was too deep: 512 frames are kept, where an
    /// await takes one to three.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.walk.is_cut
    }
}

/// The lines. It looks them up.
impl fmt::Debug for AwaitStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitStack")
            .field("lines", &self.lines().collect::<Vec<_>>())
            .field("is_cut", &self.is_cut())
            .finish()
    }
}
