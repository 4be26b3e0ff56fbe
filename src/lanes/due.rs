//! The blocks that were woken and not visited yet, in the order of their visits.

use super::block::Block;

/// A list through the blocks themselves: it takes no memory of its own.
pub(super) struct Due {
    first: usize,
    last: usize,
    len: usize,
}

/// Where a block stands in a list: the block behind it, or [`END`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(pub(super) usize);

impl Link {
    /// In no list.
    pub(super) const OUT: Self = Self(usize::MAX);
}

/// Behind the last block.
pub(super) const END: usize = usize::MAX - 1;

impl Due {
    pub(super) const NONE: Self = Self { first: END, last: END, len: 0 };

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn last(&self) -> Option<usize> {
        (self.len > 0).then_some(self.last)
    }

    /// The block behind `before`, or the first.
    #[inline]
    pub(super) fn behind<P>(&self, blocks: &[Block<P>], before: Option<usize>) -> Option<usize> {
        let at = match before {
            Some(before) => blocks[before].due.0,
            None => self.first,
        };
        (at != END).then_some(at)
    }

    /// Inserts a block behind `before`, or as the first. One that is in the list stays where it is.
    #[inline]
    pub(super) fn insert<P>(&mut self, blocks: &mut [Block<P>], before: Option<usize>, at: usize) {
        if blocks[at].due != Link::OUT {
            return;
        }
        let link = match before {
            Some(before) => &mut blocks[before].due.0,
            None => &mut self.first,
        };
        let next = std::mem::replace(link, at);
        blocks[at].due = Link(next);
        if next == END {
            self.last = at;
        }
        self.len += 1;
    }

    /// Takes the first block.
    #[inline]
    pub(super) fn take_first<P>(&mut self, blocks: &mut [Block<P>]) -> Option<usize> {
        let at = self.behind(blocks, None)?;
        Link(self.first) = std::mem::replace(&mut blocks[at].due, Link::OUT);
        if self.first == END {
            self.last = END;
        }
        self.len -= 1;
        Some(at)
    }
}
