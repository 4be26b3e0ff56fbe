//! What it costs to look at children: a nursery whose children are observed, beside the same nursery
//! with nothing that looks.
//!
//! `cargo bench` takes turns between the two, and prints the medians of one run, their ratio, and the
//! bar that the ratio has to keep to. Other crates that look at futures are put around the same
//! children, in a nursery that is not observed; they have no bar.

#[path = "../nursery/children.rs"]
#[expect(dead_code, reason = "the benchmarks of nurseries have more")]
mod children;
#[path = "../nursery/parking.rs"]
#[expect(dead_code, reason = "the benchmarks of nurseries have more")]
mod parking;
#[path = "../shared/rest.rs"]
mod rest;
#[path = "../shared/table.rs"]
mod table;
#[path = "../shared/turns.rs"]
mod turns;

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::time::Instant;

use children::{Outcome, at_once, yield_times};
use futures::executor::block_on;
use nestling::Nursery;
use nestling::observe::{Timeline, Watch};
use parking::Parking;
use table::{Cell, Table};
use turns::{Turns, Way, median};

const SIZES: [usize; 2] = [1_000, 10_000];

type Set<'a> = Nursery<'a, usize, ()>;

fn main() {
    let table = Table::from_args();
    let turns = Turns { test: table.test };
    // One subscriber for the program, as in a program that has one.
    let registry = tracing_subscriber::registry();
    tracing::subscriber::set_global_default(registry).expect("it is the first");
    table.head("ns", &["1,000 children", "10,000 children"]);
    let rows = Rows { table: &table, turns: &turns };
    let watch = Watch::new();
    let watched = || Set::new().watch(&watch);
    let timed = || Set::new().observe(Timeline::new());
    rows.all("a watch", Some(1.3), watched, |_, child| child);
    rows.all("a timeline", Some(1.5), timed, |_, child| child);
    let monitor = tokio_metrics::TaskMonitor::new();
    rows.all("tokio TaskMonitor", None, Set::new, |_, child| monitor.instrument(child));
    rows.all("a tracing span", None, Set::new, |n, child| {
        tracing::Instrument::instrument(child, tracing::info_span!("child", n))
    });
    rows.all("await-tree, a root each", None, Set::new, |n, child| {
        let registry = await_tree::Registry::new(await_tree::Config::default());
        registry
            .register(n, "child")
            .instrument(await_tree::InstrumentAwait::instrument_await(child, "work"))
    });
    rows.all("async-backtrace, a frame each", None, Set::new, |_, child| {
        async_backtrace::location!().frame(child)
    });
    snapshot(&table, &watch);
}

struct Rows<'a> {
    table: &'a Table,
    turns: &'a Turns,
}

impl Rows<'_> {
    /// Nurseries that `nursery` makes, with children in `wrap`, beside plain ones.
    fn all<'n, W, F>(&self, what: &str, bar: Option<f64>, nursery: impl Fn() -> Set<'n>, wrap: W)
    where
        W: Fn(usize, Boxed<'n>) -> F,
        F: Future<Output = Outcome> + Send + 'n,
    {
        let bar = bar.unwrap_or(f64::INFINITY);
        let fill = |mut set: Set<'n>, size, child: &dyn Fn(usize) -> Boxed<'n>| {
            for n in 0..size {
                set.spawn(wrap(n, child(n)));
            }
            set.join()
        };
        for (work, child) in
            [("ready at once", ready as fn(usize) -> Boxed<'n>), ("yield 4 times", yields)]
        {
            self.table.row(work, what, || {
                let cell = |size: usize| {
                    let size = self.turns.size(size);
                    let ours = |size| drop(block_on(fill(nursery(), size, &child)));
                    let plain = |size| drop(block_on(plain(size, &child)));
                    Some(self.turns.compare(
                        Way { children: size, run: &ours },
                        Way { children: size, run: &plain },
                        bar,
                    ))
                };
                SIZES.map(cell).into()
            });
        }
        self.table.row("park, all woken, then polled", what, || {
            let cell = |size: usize| {
                let parking: &'static Parking =
                    Box::leak(Box::new(Parking::new(self.turns.size(size))));
                let child = |n| -> Boxed<'n> { Box::pin(parking.child(n)) };
                let ours = |size| drop(parking.wake_all(fill(nursery(), size, &child)));
                let plain = |size| drop(parking.wake_all(plain(size, &child)));
                Some(self.turns.compare(
                    Way { children: parking.len(), run: &ours },
                    Way { children: parking.len(), run: &plain },
                    bar,
                ))
            };
            SIZES.map(cell).into()
        });
    }
}

type Boxed<'a> = futures::future::BoxFuture<'a, Outcome>;

fn ready<'a>(n: usize) -> Boxed<'a> {
    Box::pin(at_once(n))
}

fn yields<'a>(n: usize) -> Boxed<'a> {
    Box::pin(async move {
        yield_times(4).await;
        Ok(n)
    })
}

fn plain<'a>(
    size: usize,
    child: &dyn Fn(usize) -> Boxed<'a>,
) -> impl Future<Output = Result<Vec<usize>, nestling::JoinedError<()>>> + use<'a> {
    let mut set = Set::new();
    for n in 0..size {
        set.spawn(child(n));
    }
    set.join()
}

/// How long a snapshot of 10,000 children takes that wait.
fn snapshot(table: &Table, watch: &Watch) {
    table.head("ms", &["10,000 children"]);
    let mut set = Set::new().watch(watch);
    for _ in 0..10_000 {
        set.spawn(pending());
    }
    // More than one turn starts them.
    block_on(async {
        let mut next = pin!(set.next());
        for _ in 0..100 {
            poll_fn(|cx| {
                assert!(next.as_mut().poll(cx).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
        }
    });
    table.row("a snapshot while all wait", "-", || {
        let turns = if table.test { 1 } else { 101 };
        let mut times: Vec<_> = (0..turns)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(watch.snapshot().children().len(), 10_000);
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        vec![Some(Cell { ours: median(&mut times), theirs: None, at_most: 5.0 })]
    });
}
