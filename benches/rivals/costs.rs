//! What the same work costs: children of nestling, and of other crates.
//!
//! `cargo bench --bench costs` takes turns between them, and prints the medians of one run.

use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Instant;

use nestling_rivals_bench::bounded;
use nestling_rivals_bench::measure::{Column, Run, Runs, rows, runs};
use nestling_rivals_bench::report::Report;
use nestling_rivals_bench::ways::{Visit, lacks, visit_all};
use nestling_rivals_bench::work::{Need, Way, Work};
use nestling_rivals_bench::works::{
    Batch, CancelAll, CancelOne, FirstError, Followed, Kind, Nest, Parked, Parking, Part, Threads,
    Tree, Woken,
};

const NOTES: &str = "\
Each figure is a median. Beside it stands what nestling's first row takes for the same, divided by
what the row takes, in the same turn: the median of that, and its quartiles. Below 1 nestling takes
less.
All children are the same futures, and all sets are filled, driven and dropped by the same code. The
making and the end of a set count, and so does the entry to its runtime, which was made before. To
cancel and to stop begins when all children are parked. \"Woken singly\" means: one child is woken,
the owner takes its end, then the next. \"slow\" means: a tenth of the children took so long that
all would take for ever. \"–\" means that the way cannot do it, as told below.
What makes a job easier or harder:
    nestling boxes each child, catches panics, keeps all outputs in spawn order and all errors.
    nestling with a body and spawn_join pays for a handle for each child, as moro and tasks do.
    FuturesUnordered, futures-buffered, FutureGroup and ConcurrentStream get boxed children, so that
    they may differ; they catch no panic and have no handles (FutureGroup has keys), and so do less.
    The stack of Abortable and CatchUnwind has handles for all children, also where none is asked
    for.
    join_all and try_join_all keep the outputs in spawn order; the other loops in order of
    completion.
    To cancel all, nestling reports each child, and tasks are each told; the sets of futures are
    dropped, and nothing is told. At the first error it is the same.
    moro pays for a box and a channel for each child, and one more box to keep its nameless handle.
    Tasks of tokio and smol can run on other threads, catch panics (tokio's) and have handles. Those
    of smol, of TaskTracker and of moro are awaited in spawn order, where nothing says which has
    ended.
    JoinMap keeps a map from keys to tasks. bounded_join_set has the largest bound there is, and so
    only its semaphore. In two threads the owner is a third, that waits for them.
Bounded are 64 at a time. Pools and streams take an item when there is room, and so have no backlog;
nurseries with a limit and bounded_join_set have all children from the start.";

fn main() {
    let report = Report::from_args("What the same work costs: ns, and ours / theirs");
    let costs = Costs { report: &report };
    costs.sizes("ready at once", |n| Batch { children: n, kind: Kind::Ready });
    costs.sizes("yield 4 times", |n| Batch { children: n, kind: Kind::Yield(4) });
    costs.sizes("park, all woken, then polled", |n| Parked::<false> {
        parking: Parking::new(n),
        woken: Woken::All,
    });
    costs.sizes("park, woken singly", |n| Parked::<false> {
        parking: Parking::new(n),
        woken: Woken::Singly,
    });
    costs.sizes("park, woken singly, with handles", |n| Parked::<true> {
        parking: Parking::new(n),
        woken: Woken::Singly,
    });
    costs.batches();
    costs.stops();
    costs.spawns();
    costs.nests();
    costs.bounds();
    report.notes(NOTES);
    let needs = [
        Need::Ends,
        Need::Handles,
        Need::CancelAll,
        Need::FirstError,
        Need::PromptError,
        Need::Spawner,
        Need::Outside,
    ];
    report.notes(&format!("What cannot be done:\n{}", lacks(&needs)));
}

struct Costs<'a> {
    report: &'a Report,
}

impl Costs<'_> {
    fn sizes<W: Work<Output = Part>>(
        &self,
        title: &str,
        make: impl Fn(usize) -> W + Clone + 'static,
    ) {
        let names = ["10 children", "1,000 children", "100,000 children"];
        self.report.part(title, &names, || {
            let columns = [10, 1_000, 100_000].map(|size| self.column(size, make.clone()));
            rows(self.report, &columns)
        });
    }

    fn batches(&self) {
        let names = ["timers of smol (50,000)", "256 in flight (100,000)", "all fail (10,000)"];
        self.report.part("ns a child", &names, || {
            let columns = [
                self.column(50_000, |n| Batch { children: n, kind: Kind::Timer }),
                self.column(100_000, |n| Followed { children: n }),
                self.column(10_000, |n| Batch { children: n, kind: Kind::Fail }),
            ];
            rows(self.report, &columns)
        });
    }

    fn stops(&self) {
        let names =
            ["cancel one of 100,000", "cancel all of 100,000", "first error of 10,000, a sibling"];
        self.report.part("to cancel and to stop", &names, || {
            let cancelled = self.report.size(1_000);
            let cancel_one = Column {
                share: cancelled,
                ..self.column(100_000, move |n| CancelOne {
                    parking: Parking::new(n),
                    // So that a tenth of the children can be tried.
                    cancelled: cancelled.min(n),
                })
            };
            let columns = [
                cancel_one,
                self.column(100_000, |n| CancelAll { parking: Parking::new(n) }),
                self.column(10_000, |n| FirstError { parking: Parking::new(n) }),
            ];
            rows(self.report, &columns)
        });
    }

    fn spawns(&self) {
        let names = ["by children (100,000)", "by two threads (100,000)"];
        self.report.part("spawned from elsewhere", &names, || {
            let columns = [
                self.column(100_000, |n| Tree { children: n }),
                self.column(100_000, |n| Threads { children: n }),
            ];
            rows(self.report, &columns)
        });
    }

    fn nests(&self) {
        let names = ["3 deep, 10 each (1,110)", "100 deep, 1 each"];
        self.report.part("nested, ns a child", &names, || {
            let columns = [
                Column { runs: nests(3, 10), size: 1_110, share: 1_110 },
                Column { runs: nests(100, 1), size: 100, share: 100 },
            ];
            rows(self.report, &columns)
        });
    }

    fn bounds(&self) {
        let names =
            ["ready (1,000,000)", "yield 4 (200,000)", "first error, 1,000,000 in the backlog"];
        self.report.part("bounded, ns an item", &names, || {
            let column = |size, runs| {
                let size = self.report.size(size);
                Column { runs, size, share: size }
            };
            let columns = [
                column(1_000_000, bounded::runs(0)),
                column(200_000, bounded::runs(4)),
                column(1_000_000, bounded::backlogs()),
            ];
            rows(self.report, &columns)
        });
    }

    /// A column whose children share the time.
    fn column<W: Work<Output = Part>>(
        &self,
        size: usize,
        make: impl Fn(usize) -> W + Clone + 'static,
    ) -> Column {
        let size = self.report.size(size);
        Column { runs: runs(make), size, share: size }
    }
}

/// The same nest for each way, of sets of its own.
fn nests(levels: usize, children: usize) -> Runs {
    struct Nests(usize, usize, Runs);
    impl Visit for Nests {
        fn way<Y: Way>(&mut self) {
            let (levels, children) = (self.0, self.1);
            let run: Run = Rc::new(move |_| {
                let start = Instant::now();
                Y::block_on(Y::scope(Nest::<Y> { levels, children, way: PhantomData }));
                start.elapsed()
            });
            self.2.push((Y::NAME, Some(run)));
        }
    }
    let mut nests = Nests(levels, children, Vec::new());
    visit_all(&mut nests);
    nests.2
}
