//! What idle children take of memory: those of nestling, and of other crates.
//!
//! A program of its own, since its allocator counts, which would slow what is measured by the
//! clock.

use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use allocation_counter::measure;
use futures::future::{BoxFuture, Either, FutureExt, select};
use nestling_rivals_bench::report::{Cell, Report, Row};
use nestling_rivals_bench::ways::{Visit, lacks, visit_all};
use nestling_rivals_bench::work::{Need, Set, Way, Work};
use nestling_rivals_bench::works::Parking;

const NOTES: &str = "\
Each figure is for one child; its future counts, and so does its task where an executor has one for
it. The ratio is what nestling's first row takes, divided by what the row takes. The figures are the
same in each run, so they have no spread. \"Kept\" is what is there while all are parked; \"at
most\" is the most that was there before. With a handle: one is kept for each child.
Stack: each level is a set with one child, which has the next. A task that an executor runs begins
where the executor is, so there the stack does not grow with the levels, and the figure is near 0.
What another thread allocates is not counted; the owner's thread makes the tasks.
Easier and harder jobs are as in the table of costs.";

fn main() {
    let report = Report::from_args("What an idle child takes of memory, and ours / theirs");
    let children = report.size(10_000);
    let columns = ["bytes kept", "bytes at most", "allocations kept", "allocations made"];
    report.part("a child, of 10,000 idle ones", &columns, || rows::<false>(children));
    report.part("the same, with a handle", &columns, || rows::<true>(children));
    report.part(
        "a set",
        &["bytes kept with 1 idle child", "bytes of stack, a level of 12"],
        || {
            let mut sets = Sets { ours: None, rows: Vec::new() };
            visit_all(&mut sets);
            sets.rows
        },
    );
    report.notes(NOTES);
    report.notes(&format!("What cannot be done:\n{}", lacks(&[Need::Ends, Need::Handles])));
}

fn rows<const HANDLES: bool>(children: usize) -> Vec<Row> {
    let mut rows = Rows::<HANDLES> { children, ours: None, rows: Vec::new() };
    visit_all(&mut rows);
    rows.rows
}

/// Makes a row of each way.
struct Rows<const HANDLES: bool> {
    children: usize,
    ours: Option<[f64; 4]>,
    rows: Vec<Row>,
}

impl<const HANDLES: bool> Visit for Rows<HANDLES> {
    fn way<Y: Way>(&mut self) {
        let cells = if Y::can(Idle::<HANDLES>::NEEDS) {
            // What a runtime keeps for good is not the children's.
            kept::<Y, HANDLES>(100);
            let figures = kept::<Y, HANDLES>(self.children);
            let ratios = self.ours.map(|ours| [0, 1, 2, 3].map(|at| ours[at] / figures[at]));
            self.ours.get_or_insert(figures);
            let cell = |at| Cell::Exact {
                figure: figures[at],
                ratio: ratios.map(|all| all[at]).filter(|ratio: &f64| ratio.is_finite()),
            };
            (0..4).map(cell).collect()
        } else {
            (0..4).map(|_| Cell::Cannot).collect()
        };
        self.rows.push(Row { way: Y::NAME, cells });
    }
}

/// Makes a row of each way: of what a set takes.
struct Sets {
    ours: Option<[f64; 2]>,
    rows: Vec<Row>,
}

impl Visit for Sets {
    fn way<Y: Way>(&mut self) {
        kept::<Y, false>(1);
        let figures = [kept::<Y, false>(1)[0], bytes_of_a_level::<Y>()];
        let ratios = self.ours.map(|ours| [0, 1].map(|at| ours[at] / figures[at]));
        self.ours.get_or_insert(figures);
        let cell = |at: usize| Cell::Exact {
            figure: figures[at],
            ratio: ratios.map(|all| all[at]).filter(|ratio: &f64| ratio.is_finite()),
        };
        self.rows.push(Row { way: Y::NAME, cells: (0..2).map(cell).collect() });
    }
}

/// What children take that are parked.
fn kept<Y: Way, const HANDLES: bool>(children: usize) -> [f64; 4] {
    let parking = Parking::new(children);
    let mut all = Box::pin(Y::scope(Idle::<HANDLES>(Arc::clone(&parking))));
    let info = measure(|| {
        Y::block_on(async {
            let parked = pin!(parking.all_parked.wait());
            let Either::Right(_) = select(&mut all, parked).await else {
                panic!("a child has ended that should wait")
            };
        });
    });
    // So that they end, also where a drop lets them go on.
    (0..children).for_each(|n| parking.call(n));
    Y::block_on(all);
    let each = |count| count as f64 / children as f64;
    [
        each(info.bytes_current),
        each(info.bytes_max as i64),
        each(info.count_current),
        each(info.count_total as i64),
    ]
}

/// Children that are parked until they are called.
#[derive(Clone)]
struct Idle<const HANDLES: bool>(Arc<Parking>);

impl<const HANDLES: bool> Work for Idle<HANDLES> {
    const NEEDS: Need = if HANDLES { Need::Handles } else { Need::All };
    type Output = ();

    async fn run<'s, S: Set<'s>>(self, mut set: S) {
        for n in 0..self.0.order.len() {
            let child = Arc::clone(&self.0).child(n);
            if HANDLES { set.spawn_with_handle(child) } else { set.spawn(child) }
        }
        assert_eq!(set.all().await.outputs, self.0.order.len());
    }
}

const LEVELS: usize = 12;

/// How far the stack grows from a child to a child of its own, at the median level.
fn bytes_of_a_level<Y: Way>() -> f64 {
    let seen = Arc::new(Mutex::new(Vec::new()));
    Y::block_on(Y::scope(Level::<Y> { left: LEVELS, seen: Arc::clone(&seen), way: PhantomData }));
    let seen = seen.lock().expect("no level panics");
    let mut levels: Vec<_> = seen.windows(2).map(|at| at[0].saturating_sub(at[1])).collect();
    levels.sort_unstable();
    levels[levels.len() / 2] as f64
}

/// A set with one child that has such a set.
struct Level<Y> {
    left: usize,
    /// Where the stack was at each level, the outermost first.
    seen: Arc<Mutex<Vec<usize>>>,
    way: PhantomData<fn() -> Y>,
}

impl<Y> Clone for Level<Y> {
    fn clone(&self) -> Self {
        Self { left: self.left, seen: Arc::clone(&self.seen), way: PhantomData }
    }
}

impl<Y: Way> Work for Level<Y> {
    const NEEDS: Need = Need::All;
    type Output = ();

    async fn run<'s, S: Set<'s>>(self, mut set: S) {
        let inner: Option<BoxFuture<'static, ()>> =
            (self.left > 1).then(|| Y::scope(Self { left: self.left - 1, ..self.clone() }).boxed());
        let seen = self.seen;
        set.spawn(async move {
            mark(&seen);
            if let Some(inner) = inner {
                inner.await;
            }
            Ok(0)
        });
        set.all().await;
    }
}

#[inline(never)]
fn mark(seen: &Mutex<Vec<usize>>) {
    let local = 0_u8;
    let address = std::ptr::from_ref(black_box(&local)).addr();
    seen.lock().expect("no level panics").push(address);
}
