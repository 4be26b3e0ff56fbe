//! Dissolving groups.

use super::joined::Entries;
use super::path::Path;
use super::regrow::children;
use super::{ChildError, Counts, Failure, JoinedError};

impl<E> JoinedError<E> {
    /// The same failures without the groups, in the order of [`leaves`](Self::leaves).
    ///
    /// Each failure remembers the children that its groups belonged to, see
    /// [`ChildError::ancestors`]. Names and causes of the groups are lost, and their
    /// [counts](Self::counts) are added up: a child that was a nursery is replaced by the children
    /// in it. An error without groups is left as it is.
    ///
    /// A `JoinedError<JoinedError<E>>` is made groups by [`into_groups`](JoinedError::into_groups)
    /// first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut outer: Nursery<'_, (), &str> = Nursery::new();
    /// outer.child().name("uploads").group().spawn(async {
    ///     let mut inner: Nursery<'_, (), &str> = Nursery::new();
    ///     inner.child().name("a.txt").spawn(async { Err("disk full") });
    ///     inner.join().await.map(drop)
    /// });
    /// let flat = outer.join().await.unwrap_err().flatten();
    /// assert_eq!(flat.first().to_string(), "#0 uploads > #0 a.txt: disk full");
    /// # });
    /// ```
    #[must_use]
    pub fn flatten(mut self) -> Self {
        if !self.iter().any(|entry| entry.failure().is_group()) {
            return self;
        }
        let mut sum = Sum::default();
        sum.add(self.0.counts, &self.0.entries);
        let mut flat = Entries::new();
        let mut last = None;
        let mut open = vec![(self.0.entries.take(), Path::default())];
        while let Some((rest, path)) = open.last_mut() {
            match rest.next() {
                Some(ChildError { origin, failure: Failure::Group(group), .. }) => {
                    let path = origin.path.then(path).inside(origin.child);
                    let counts = group.counts();
                    sum.add(counts, &group.0.entries);
                    open.push((group.into_iter(), path));
                }
                Some(mut leaf) => {
                    // Failures that have had one path keep one: they may be of the same child.
                    let before = (leaf.origin.path.address(), path.address());
                    leaf.origin.path = match flat.0.last() {
                        Some(leaf) if last == Some(before) => leaf.origin.path.clone(),
                        _ => leaf.origin.path.then(path),
                    };
                    last = Some(before);
                    flat.0.push(leaf);
                }
                None => drop(open.pop()),
            }
        }
        self.0.bare = false;
        self.0.counts = sum.of(&flat);
        self.0.entries = flat;
        self
    }
}

/// The counts of all nurseries together. Of their failed children it keeps only those of which
/// nothing was stored; the others are counted where their failures have ended up.
#[derive(Default)]
struct Sum(Counts);

impl Sum {
    fn add<E>(&mut self, counts: Counts, entries: &Entries<E>) {
        let failed = counts.failed.saturating_sub(children(entries.0.iter()));
        self.0 = self.0.plus(Counts { failed, ..counts });
    }

    fn of<E>(self, flat: &Entries<E>) -> Counts {
        Counts { failed: self.0.failed + children(flat.0.iter()), ..self.0 }
    }
}
