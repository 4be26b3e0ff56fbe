//! Lists of blocks, the latest first: those with room, and those without lanes.

use super::block::Block;
use super::due::{END, Link};

/// A list through the blocks themselves. A block is in one such list at most.
pub(super) struct Stack {
    first: usize,
}

impl Stack {
    pub(super) const NONE: Self = Self { first: END };

    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        (self.first != END).then_some(self.first)
    }

    /// Adds a block that is in no list.
    pub(super) fn push<P>(&mut self, blocks: &mut [Block<P>], at: usize) {
        blocks[at].room = Link(std::mem::replace(&mut self.first, at));
    }

    /// Takes the first block out.
    pub(super) fn pop<P>(&mut self, blocks: &mut [Block<P>]) -> Option<usize> {
        let at = self.first()?;
        Link(self.first) = std::mem::replace(&mut blocks[at].room, Link::OUT);
        Some(at)
    }
}
