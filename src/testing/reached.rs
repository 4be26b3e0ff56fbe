//! Counts how often what a test is about has happened.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    /// There while an exploration runs on this thread.
    static REACHED: RefCell<Option<BTreeMap<String, u64>>> = const { RefCell::new(None) };
}

/// Says that a run has come to something rare, a race say, that the exploration is there for.
///
/// [`explore`](fn@crate::testing::explore) counts it by its name. An exploration fails if it did
/// not meet each name that it is [to reach](crate::testing::Schedules::reaching). It also fails if
/// a condition that is given here never held. So a test does not stay green when the race that it
/// is about is met no more.
///
/// It may stand in a test, in its tasks, and behind `#[cfg(test)]` in the code that is tested.
/// There, `if condition { reached!(..) }` is the form: an exploration that is about something else
/// is not to fail for a condition that never holds in it.
///
/// Outside of an exploration, and on other threads than the one that explores, it does nothing.
/// With a condition it returns whether that holds.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use nestling::testing::{explore, reached, yields};
///
/// let explored = explore(0..100, |run| {
///     let done = Cell::new(false);
///     let mut executor = run.executor();
///     executor.spawn(async {
///         yields(3).await;
///         done.set(true);
///     });
///     executor.spawn(async {
///         yields(3).await;
///         reached!("the second comes first", !done.get());
///     });
///     executor.run().expect_done();
/// });
/// assert!(explored.reached("the second comes first") > 10);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __reached {
    ($name:expr $(,)?) => {{
        $crate::testing::reach($name, true);
    }};
    ($name:expr, $condition:expr $(,)?) => {
        $crate::testing::reach($name, $condition)
    };
}

/// What [`reached!`](macro@crate::testing::reached) calls.
pub fn reach(name: &str, holds: bool) -> bool {
    // At the end of a thread it may be gone; nothing explores there.
    let _ = REACHED.try_with(|reached| {
        let mut reached = reached.borrow_mut();
        let Some(reached) = &mut *reached else { return };
        match reached.get_mut(name) {
            Some(times) => *times += u64::from(holds),
            None => {
                reached.insert(name.to_owned(), u64::from(holds));
            }
        }
    });
    holds
}

/// Counts on this thread until it is dropped.
pub(super) struct Counting {
    around: Option<BTreeMap<String, u64>>,
}

impl Counting {
    /// Counts by these names, and by those that come.
    pub(super) fn new(names: &[String]) -> Self {
        let names = names.iter().map(|name| (name.clone(), 0)).collect();
        Self { around: REACHED.replace(Some(names)) }
    }

    /// How often each name was reached so far.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        REACHED.with_borrow(|reached| reached.clone().unwrap_or_default())
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        REACHED.set(self.around.take());
    }
}
