//! How much memory a pool takes at most, by the number of its items.
//!
//! `cargo bench --bench pool_memory`. A program of its own, since it has an allocator of its own,
//! which counts.

use allocation_counter::{AllocationInfo, measure};
use futures::executor::block_on;
use nestling::Pool;

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let (few, many) = (10_000, if test { 100_000 } else { 10_000_000 });
    // What the thread and the executor keep for good is not the pool's.
    run(few);
    let (few, many) = ((few, run(few)), (many, run(many)));
    println!("{:>9} {:>12} {:>12}", "items", "peak bytes", "allocations");
    for (items, info) in [&few, &many] {
        println!("{items:>9} {:>12} {:>12}", info.bytes_max, info.count_total);
    }
    let ratio = many.1.bytes_max as f64 / few.1.bytes_max as f64;
    let verdict = if ratio > 1.05 { "  missed" } else { "" };
    println!("peak ratio {ratio:.2}, at most 1.05{verdict}");
    let each = (many.1.count_total - few.1.count_total) as f64 / (many.0 - few.0) as f64;
    println!("allocations an item {each:.2}, at most 0");
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Every eighth item yields, and every hundredth fails.
fn run(items: u64) -> AllocationInfo {
    measure(|| {
        let pool = Pool::new(64).keep_failures(10).for_each(0..items, |n| async move {
            if n % 8 == 0 {
                yield_once().await;
            }
            if n % 100 == 0 { Err(n) } else { Ok(()) }
        });
        drop(block_on(pool));
    })
}
