//! What a child that does nothing takes of memory, and what a nursery does.
//!
//! `cargo bench --bench nursery_memory`. A program of its own, since its allocator counts, which
//! would slow what is measured by the clock. `cargo bench --bench nursery` runs it for the end of
//! its table.

#[path = "../shared/rest.rs"]
mod rest;
#[path = "../shared/table.rs"]
mod table;

use std::future::pending;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;

use allocation_counter::{AllocationInfo, measure};
use nestling::Nursery;
use rest::Owner;
use table::{Cell, Table};

const CHILDREN: usize = 10_000;

const NURSERIES: usize = 1_000;

fn main() {
    let table = Table::from_args();
    let kept = |count: i64, of: usize| count as f64 / of as f64;
    table.head("kept", &["of memory, while parked"]);
    let own = size_of_val(&child()) as f64;
    for (work, with_handles, allocations, bytes) in
        [("idle child", false, 2.0, 130.0), ("with a handle", true, 3.0, 230.0)]
    {
        let info = parked(with_handles);
        table.row(&format!("{work}: allocations"), "", || {
            vec![Some(cell(kept(info.count_current, CHILDREN), allocations))]
        });
        table.row(&format!("{work}: bytes beside its future"), "", || {
            vec![Some(cell(kept(info.bytes_current, CHILDREN) - own, bytes))]
        });
    }
    table.row("on an executor: allocations", "", || {
        vec![Some(cell(kept(remote().count_current, CHILDREN), 5.5))]
    });
    table.row("nursery with one idle child: bytes", "", || {
        vec![Some(cell(kept(nurseries().bytes_current, NURSERIES), 900.0))]
    });
    table.row("long run of 2,000,000: bytes at most", "", || {
        let children = if table.test { 3_000 } else { 2_000_000 };
        vec![Some(cell(long_run(children).bytes_max as f64, 64_000.0))]
    });
}

/// Children of a nursery that runs for long: one in three is cancelled, one fails, one succeeds.
fn long_run(children: usize) -> AllocationInfo {
    let owner = Owner::new();
    measure(|| {
        let (spawner, driver) = Nursery::<'_, (), String>::new().long_running().split();
        let mut driver = std::pin::pin!(driver);
        for n in 0..children {
            match n % 3 {
                0 => drop(spawner.spawn_with_handle(pending()).expect("it is open").cancel()),
                1 => drop(spawner.spawn(async move { Err(format!("no {n}")) })),
                _ => drop(spawner.spawn(async { Ok(()) })),
            }
            assert!(owner.poll(driver.as_mut()).is_pending());
        }
        spawner.close();
        let Poll::Ready(report) = owner.poll(driver) else { panic!("it has ended") };
        let counts = report.counts();
        assert_eq!(counts.total(), children as u64);
        assert_eq!((report.cancelled().len(), report.outputs().len()), (100, 0));
    })
}

fn cell(ours: f64, at_most: f64) -> Cell {
    Cell { ours, theirs: None, at_most }
}

/// Has a size, as a child that does something has.
async fn child() -> Result<(), ()> {
    let kept = black_box([1_u8; 32]);
    pending::<()>().await;
    black_box(kept);
    Ok(())
}

/// What a nursery keeps of children that are parked.
fn parked(with_handles: bool) -> AllocationInfo {
    let owner = Owner::new();
    let mut handles = Vec::with_capacity(CHILDREN);
    let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    let info = measure(|| {
        for _ in 0..CHILDREN {
            if with_handles {
                handles.push(nursery.spawn_with_handle(child()));
            } else {
                nursery.spawn(child());
            }
        }
        assert!(owner.poll(std::pin::pin!(nursery.next())).is_pending());
    });
    assert_eq!(nursery.running(), CHILDREN);
    info
}

/// What a nursery keeps of children with tasks that an executor holds, without what the executor takes.
fn remote() -> AllocationInfo {
    let owner = Owner::new();
    let tasks = Mutex::new(Vec::with_capacity(CHILDREN));
    let executor = nestling::executor(|task| tasks.lock().expect("no task panics").push(task));
    let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    let info = measure(|| {
        for _ in 0..CHILDREN {
            nursery.spawn_on(executor, child());
        }
        assert!(owner.poll(std::pin::pin!(nursery.next())).is_pending());
    });
    assert_eq!(tasks.lock().expect("no task panics").len(), CHILDREN);
    info
}

/// What futures keep that wait for a nursery of one child: these futures count as well.
fn nurseries() -> AllocationInfo {
    let owner = Owner::new();
    let mut all: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::with_capacity(NURSERIES);
    measure(|| {
        for _ in 0..NURSERIES {
            all.push(Box::pin(one_child()));
            let last = all.last_mut().expect("one was pushed");
            assert!(owner.poll(last.as_mut()).is_pending());
        }
    })
}

async fn one_child() {
    let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    nursery.spawn(pending());
    nursery.join().await.expect("no child fails");
}
