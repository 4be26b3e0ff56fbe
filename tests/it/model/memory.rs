//! What a run leaves in memory.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use allocation_counter::{AllocationInfo, measure};

/// Runs a check, and says how many allocations it has left.
///
/// A run is the same each time, but the thread may keep something from the first of its kind: so
/// where something is left, it is run once more.
pub(super) fn left_by<F>(check: impl Fn() -> Result<(), F>) -> Result<i64, F> {
    let once = || {
        let mut held = Ok(Ok(()));
        // A panic may not pass through: the counter would not know that this count is over.
        let AllocationInfo { count_current, .. } =
            measure(|| held = catch_unwind(AssertUnwindSafe(&check)));
        held.unwrap_or_else(|panic| resume_unwind(panic)).map(|()| count_current)
    };
    match once()? {
        0 => Ok(0),
        _ => once(),
    }
}

#[test]
fn an_allocation_that_is_left_is_counted() {
    let runs = |leaks: bool| {
        let made = black_box(Box::new(0_u8));
        if leaks {
            Box::leak(made);
        }
        Ok::<_, ()>(())
    };
    assert_eq!(left_by(|| runs(true)), Ok(1));
    assert_eq!(left_by(|| runs(false)), Ok(0));
}
