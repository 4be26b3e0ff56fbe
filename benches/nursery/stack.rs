//! How much stack a nursery in a nursery takes.

use std::hint::black_box;
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use futures::future::BoxFuture;
use nestling::{JoinedError, Nursery};

use crate::table::{Cell, Table};
use crate::turns::median;

const LEVELS: usize = 12;

/// Where the stack was at each level, the outermost first.
type Seen = Arc<Mutex<Vec<usize>>>;

pub(crate) fn row(table: &Table) {
    table.head("bytes", &["of stack"]);
    table.row("a level of nesting", "", || {
        vec![Some(Cell { ours: bytes_of_a_level(), theirs: None, at_most: 1_000.0 })]
    });
}

fn bytes_of_a_level() -> f64 {
    let seen = Seen::default();
    block_on(nest(LEVELS, Arc::clone(&seen))).expect("no level fails");
    let seen = seen.lock().expect("no level panics");
    let mut levels: Vec<_> = seen.windows(2).map(|at| at[0].abs_diff(at[1]) as f64).collect();
    median(&mut levels)
}

fn nest(levels: usize, seen: Seen) -> BoxFuture<'static, Result<(), JoinedError<()>>> {
    Box::pin(async move {
        mark(&seen);
        if levels > 0 {
            let mut nursery: Nursery<'_, (), ()> = Nursery::new();
            nursery.spawn_group(nest(levels - 1, seen));
            nursery.join().await?;
        }
        Ok(())
    })
}

#[inline(never)]
fn mark(seen: &Seen) {
    let local = 0_u8;
    let address = std::ptr::from_ref(black_box(&local)).addr();
    seen.lock().expect("no level panics").push(address);
}
