//! What a run leaves in memory.

use allocation_counter::{AllocationInfo, measure};

/// Runs a check, and says how many allocations it has left.
///
/// A run is the same each time, but the thread may keep something from the first of its kind: so
/// where something is left, it is run once more.
pub(super) fn left_by<F>(check: impl Fn() -> Result<(), F>) -> Result<i64, F> {
    let once = || {
        let mut held = Ok(());
        let AllocationInfo { count_current, .. } = measure(|| held = check());
        held.map(|()| count_current)
    };
    match once()? {
        0 => Ok(0),
        _ => once(),
    }
}

#[test]
fn an_allocation_that_is_left_is_counted() {
    let runs = |leaks: bool| {
        let made = Box::new(0_u8);
        if leaks {
            Box::leak(made);
        }
        Ok::<_, ()>(())
    };
    assert_eq!(left_by(|| runs(true)), Ok(1));
    assert_eq!(left_by(|| runs(false)), Ok(0));
}
