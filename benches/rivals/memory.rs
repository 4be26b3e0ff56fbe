//! What idle children take of memory: those of nestling, and of other crates.
//!
//! A program of its own, since its allocator counts, which would slow what is measured by the clock.

use std::pin::pin;
use std::sync::Arc;

use allocation_counter::measure;
use futures::future::{Either, select};
use nestling_rivals_bench::report::{Cell, Report, Row};
use nestling_rivals_bench::ways::{Visit, lacks, visit_all};
use nestling_rivals_bench::work::{Need, Set, Way, Work};
use nestling_rivals_bench::works::Parking;

const NOTES: &str = "\
Each figure is for one child; its future counts, and so does its task where an executor has one for it. The
ratio is what nestling's first row takes, divided by what the row takes. The figures are the same in each
run, so they have no spread. \"Kept\" is what is there while all are parked; \"at most\" is the most that was
there before. With a handle: one is kept for each child.
What another thread allocates is not counted; the owner's thread makes the tasks.
Easier and harder jobs are as in the table of costs.";

fn main() {
    let report = Report::from_args("What an idle child takes of memory, and ours / theirs");
    let children = report.size(100_000);
    let columns = ["bytes kept", "bytes at most", "allocations kept", "allocations made"];
    report.part("a child, of 100,000 idle ones", &columns, || rows::<false>(children));
    report.part("the same, with a handle", &columns, || rows::<true>(children));
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
            let cell = |at| Cell::Exact { figure: figures[at], ratio: ratios.map(|all| all[at]) };
            (0..4).map(cell).collect()
        } else {
            (0..4).map(|_| Cell::Cannot).collect()
        };
        self.rows.push(Row { way: Y::NAME, cells });
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
