//! Where in the tree an entry was before the groups around it were dissolved.

use std::fmt;
use std::sync::Arc;

use crate::info::ChildInfo;

/// The children that an entry's groups belonged to, from the nearest outwards.
///
/// Made by [`ChildError::ancestors`](crate::ChildError::ancestors).
#[derive(Clone)]
#[must_use = "iterators are lazy"]
pub struct Ancestors<'a> {
    next: Option<&'a Node>,
    later: Vec<&'a Node>,
}

impl<'a> Iterator for Ancestors<'a> {
    type Item = &'a ChildInfo;

    fn next(&mut self) -> Option<&'a ChildInfo> {
        loop {
            match self.next.take()? {
                Node::Link { child, outer } => {
                    self.next = outer.0.as_deref().or_else(|| self.later.pop());
                    return Some(child);
                }
                Node::Join { inner, outer } => {
                    self.later.extend(outer.0.as_deref());
                    self.next = inner.0.as_deref();
                }
            }
        }
    }
}

impl std::iter::FusedIterator for Ancestors<'_> {}

impl fmt::Debug for Ancestors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// One step of a path.
pub(super) struct Link<'a> {
    pub(super) child: &'a ChildInfo,
    /// Equal for paths that are the same from here outwards; not always known.
    pub(super) address: Option<*const ()>,
}

/// A path outwards, shared link by link: a leaf at each level of a deep chain costs one link each.
#[derive(Clone, Default)]
pub(super) struct Path(Option<Arc<Node>>);

enum Node {
    Link {
        child: ChildInfo,
        outer: Path,
    },
    /// All of `inner`, then all of `outer`: what was flattened before is flattened into more.
    /// Neither is empty.
    Join {
        inner: Path,
        outer: Path,
    },
}

impl Path {
    /// The path of what is inside `child`, where `self` is the path of `child`.
    pub(super) fn inside(self, child: ChildInfo) -> Self {
        Self(Some(Arc::new(Node::Link { child, outer: self })))
    }

    pub(super) fn then(self, outer: &Path) -> Self {
        match (&self.0, &outer.0) {
            (None, _) => outer.clone(),
            (_, None) => self,
            _ => Self(Some(Arc::new(Node::Join { inner: self, outer: outer.clone() }))),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Equal for the entries of one group, different for those of two.
    pub(super) fn address(&self) -> Option<*const ()> {
        self.0.as_ref().map(|node| Arc::as_ptr(node).cast())
    }

    /// The links from the nearest outwards.
    pub(super) fn links(&self) -> impl Iterator<Item = Link<'_>> {
        let mut ancestors = self.iter();
        std::iter::from_fn(move || {
            // All that is further out belongs to the node only if no other node follows.
            let is_whole = ancestors.later.is_empty();
            let at = ancestors.next.map(|node| std::ptr::from_ref(node).cast());
            let child = ancestors.next()?;
            Some(Link { child, address: at.filter(|_| is_whole) })
        })
    }

    pub(super) fn iter(&self) -> Ancestors<'_> {
        Ancestors { next: self.0.as_deref(), later: Vec::new() }
    }
}

/// Link by link: the links of a deep chain would else drop each other recursively.
impl Drop for Path {
    fn drop(&mut self) {
        let mut next = self.0.take();
        let mut later = Vec::new();
        while let Some(node) = next {
            next = match Arc::into_inner(node) {
                Some(Node::Link { mut outer, .. }) => outer.0.take(),
                Some(Node::Join { mut inner, mut outer }) => {
                    later.extend(outer.0.take());
                    inner.0.take()
                }
                None => None,
            }
            .or_else(|| later.pop());
        }
    }
}
