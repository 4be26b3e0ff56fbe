//! The children of a snapshot by the line that spawned them.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::table::cut;
use super::{ChildSnapshot, ChildState, Snapshot};
use crate::observe::human::Human;
use crate::text::place;

/// The children that one line of code has spawned; see [`Snapshot::groups`].
#[derive(Clone, Debug)]
pub struct LocationGroup<'a> {
    location: &'static Location<'static>,
    children: Vec<&'a ChildSnapshot>,
}

impl Snapshot {
    /// The children by the line that spawned them, the largest group first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::{Nursery, observe::Watch};
    /// let watch = Watch::new();
    /// let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    /// for _ in 0..412 {
    ///     nursery.spawn(async { Ok(()) });
    /// }
    /// let snapshot = watch.snapshot();
    /// let groups = snapshot.groups();
    /// assert_eq!((groups.len(), groups[0].children().len()), (1, 412));
    /// println!("{}", groups[0]); // 412 children from src/main.rs:5, oldest 31 µs, 412 queued
    /// ```
    #[must_use]
    pub fn groups(&self) -> Vec<LocationGroup<'_>> {
        let mut groups: BTreeMap<_, LocationGroup<'_>> = BTreeMap::new();
        for child in &self.children {
            let location = child.info.location();
            let key = (location.file(), location.line());
            let group = groups.entry(key);
            let group = group.or_insert_with(|| LocationGroup { location, children: Vec::new() });
            group.children.push(child);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.children.len()));
        groups
    }
}

impl<'a> LocationGroup<'a> {
    /// The line of code.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The children, in spawn order.
    #[must_use]
    pub fn children(&self) -> &[&'a ChildSnapshot] {
        &self.children
    }

    /// The time since the first of them was spawned.
    #[must_use]
    pub fn oldest(&self) -> Duration {
        self.children.iter().map(|child| child.age).max().unwrap_or_default()
    }
}

/// `412 children from src/crawl.rs:88, oldest 31 s, 12 queued, 400 at connect`.
///
/// States that are told are those besides waiting; places, the three that most are at.
impl fmt::Display for LocationGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, oldest) = (self.children.len(), Human(self.oldest()));
        let noun = if count == 1 { "child" } else { "children" };
        let spawned = place(self.location.file(), self.location.line());
        write!(f, "{count} {noun} from {spawned}, oldest {oldest}")?;
        for state in [ChildState::Queued, ChildState::Polled, ChildState::Woken] {
            match self.children.iter().filter(|child| child.state == state).count() {
                0 => {}
                count => write!(f, ", {count} {state}")?,
            }
        }
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for place in self.children.iter().filter_map(|child| child.place.as_deref()) {
            *places.entry(place).or_default() += 1;
        }
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (place, count) in places.iter().take(3) {
            write!(f, ", {count} at {}", cut(place))?;
        }
        Ok(())
    }
}
