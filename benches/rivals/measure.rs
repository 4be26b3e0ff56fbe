//! All ways by turns, so that what else the machine does slows each.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::report::{Cell, Report, Row};
use crate::ways::{Visit, visit_all};
use crate::work::{Way, Work};
use crate::works::Part;

/// How long all take turns.
const SPAN: Duration = Duration::from_millis(1_500);

/// How many turns of each there are, however long one takes and however short.
const TURNS: std::ops::RangeInclusive<usize> = 9..=501;

/// How long a turn takes at least; what is shorter is repeated within the turn. It is far below the
/// time that the system gives to one process: so the median is a turn that nothing has interrupted.
const TURN: Duration = Duration::from_micros(200);

/// A tenth of the children may take so long, whatever a hundredth takes.
const TENTH: Duration = Duration::from_millis(500);

/// A tenth may take so much longer than a hundredth. If it takes more, the time grows with the
/// square of their number, and all would take for ever.
const GROWTH: u32 = 40;

/// From where on a tenth is tried first.
const LARGE: usize = 10_000;

/// Does the work once, with so many children; says how long it took.
pub type Run = Rc<dyn Fn(usize) -> Duration>;

/// A way, and its work where it can do it.
pub type Runs = Vec<(&'static str, Option<Run>)>;

/// The same work for each way.
pub fn runs<W: Work<Output = Part>>(make: impl Fn(usize) -> W + Clone + 'static) -> Runs {
    struct Make<F>(F, Runs);
    impl<W: Work<Output = Part>, F: Fn(usize) -> W + Clone + 'static> Visit for Make<F> {
        fn way<Y: Way>(&mut self) {
            let make = self.0.clone();
            let run: Run = Rc::new(move |size| {
                let work = make(size);
                let start = Instant::now();
                let part = Y::block_on(Y::scope(work));
                part.unwrap_or_else(|| start.elapsed())
            });
            self.1.push((Y::NAME, Y::can(W::NEEDS).then_some(run)));
        }
    }
    let mut make = Make(make, Vec::new());
    visit_all(&mut make);
    make.1
}

/// What is measured in one column of a part.
pub struct Column {
    pub runs: Runs,
    /// How many children there are.
    pub size: usize,
    /// By what the time is divided: how many share share it, or nanoseconds of another unit.
    pub share: usize,
}

/// A row for each way. All take turns in one column before the next.
pub fn rows(report: &Report, columns: &[Column]) -> Vec<Row> {
    let names = columns[0].runs.iter().map(|(way, _)| *way);
    let mut rows: Vec<_> = names.map(|way| Row { way, cells: Vec::new() }).collect();
    for column in columns {
        for (row, cell) in rows.iter_mut().zip(cells(report, column)) {
            row.cells.push(cell);
        }
    }
    rows
}

fn cells(report: &Report, column: &Column) -> Vec<Cell> {
    let Column { runs, size, share } = column;
    let mut ways: Vec<_> = runs.iter().map(|(_, run)| Turns::new(run.clone(), *size)).collect();
    // What one way leaves behind, as memory that was freed, may slow the next: so the next is
    // another each time.
    let mut order: Vec<_> = (0..ways.len()).collect();
    let mut random = fastrand::Rng::with_seed(7);
    let start = Instant::now();
    let mut turns = 0;
    while if report.test {
        turns < 1
    } else {
        turns < *TURNS.start() || turns < *TURNS.end() && start.elapsed() < SPAN
    } {
        random.shuffle(&mut order);
        order.iter().for_each(|&at| ways[at].take());
        turns += 1;
    }
    // The first that can do the work is ours.
    let at_ours = ways.iter().position(|way| !way.times.is_empty());
    let cell = |(at, way): (usize, &Turns)| {
        let ours = at_ours.filter(|at_ours| at > *at_ours).map(|at| &ways[at].times);
        way.cell(ours, *share)
    };
    ways.iter().enumerate().map(cell).collect()
}

/// What one way took.
struct Turns {
    run: Option<Run>,
    slow: bool,
    size: usize,
    /// How often it does the work in one turn.
    repeats: u32,
    /// Nanoseconds, once a turn.
    times: Vec<f64>,
}

impl Turns {
    fn new(run: Option<Run>, size: usize) -> Self {
        let mut turns = Self { run, slow: false, size, repeats: 1, times: Vec::new() };
        let Some(run) = turns.run.clone() else { return turns };
        if size >= LARGE && grows_fast(&run, size) {
            turns.slow = true;
            return turns;
        }
        // The first run warms up.
        run(size);
        let once = run(size).max(Duration::from_nanos(100));
        turns.repeats = TURN.as_nanos().div_ceil(once.as_nanos()) as u32;
        turns
    }

    fn take(&mut self) {
        let Some(run) = self.run.as_ref().filter(|_| !self.slow) else { return };
        let took: Duration = (0..self.repeats).map(|_| run(self.size)).sum();
        self.times.push(took.as_nanos() as f64 / f64::from(self.repeats));
    }

    /// The cell, and the ratio to what ours took in the same turns.
    fn cell(&self, ours: Option<&Vec<f64>>, share: usize) -> Cell {
        match (&self.run, self.slow) {
            (None, _) => Cell::Cannot,
            (_, true) => Cell::Slow,
            _ => {
                let turns = ours.map(|ours| ours.iter().zip(&self.times));
                let ratios = turns.map(|turns| turns.map(|(ours, theirs)| ours / theirs).collect());
                let [_, median, _] = quartiles(self.times.clone());
                Cell::Figure { median: median / share as f64, ratio: ratios.map(quartiles) }
            }
        }
    }
}

fn grows_fast(run: &Run, size: usize) -> bool {
    run(size / 100);
    let (hundredth, tenth) = (run(size / 100), run(size / 10));
    tenth > TENTH || tenth > TENTH / 10 && tenth > GROWTH * hundredth
}

fn quartiles(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| figures[(figures.len() - 1) * quarter / 4])
}
