//! Where in its work a child says it is.

use std::borrow::Cow;

/// The places that are named at this time: the child's own, and those of futures in it.
#[derive(Clone, Default)]
pub(super) struct Places {
    /// Named by the child's context; each takes the place of the one before.
    own: Option<Cow<'static, str>>,
    /// Of futures that are not through, in the order in which they were first polled.
    futures: Vec<(usize, Cow<'static, str>)>,
    next: usize,
}

impl Places {
    pub(super) fn set(&mut self, place: Cow<'static, str>) -> Option<Cow<'static, str>> {
        self.own.replace(place)
    }

    /// Adds the place of a future, which takes it out again by the key.
    pub(super) fn add(&mut self, place: Cow<'static, str>) -> usize {
        self.next += 1;
        self.futures.push((self.next, place));
        self.next
    }

    pub(super) fn remove(&mut self, key: usize) -> Option<Cow<'static, str>> {
        let at = self.futures.iter().position(|(known, _)| *known == key)?;
        Some(self.futures.remove(at).1)
    }

    /// All of them, the outermost first.
    pub(super) fn text(&self) -> Option<Cow<'static, str>> {
        let mut all = self.own.iter().chain(self.futures.iter().map(|(_, place)| place));
        let first = all.next()?.clone();
        Some(all.fold(first, |text, place| Cow::Owned(format!("{text} > {place}"))))
    }
}
