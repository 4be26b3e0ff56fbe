//! Rows with a cell for each size: 10, 1,000 and 100,000 children.

use futures::executor::block_on;

use crate::children::{at_once, yield_four_times};
use crate::parking::Parking;
use crate::sets;
use crate::table::Table;
use crate::turns::{Turns, Way};

const SIZES: [usize; 3] = [10, 1_000, 100_000];

const UNORDERED: &str = "FuturesUnordered, boxed";

const OK: &str = "no child fails";

/// The bars of a row; a size without one is not measured.
type Bars = [Option<f64>; 3];

pub(crate) fn rows(table: &Table, turns: &Turns) {
    table.head("ns", &["10 children", "1,000 children", "100,000 children"]);
    let rows = Rows { table, turns };
    ready(&rows);
    rows.row(
        ("yield 4 times", UNORDERED, bars(0.5, 0.35, 0.4)),
        |at| block_on(sets::nursery(at.len(), yield_four_times)).expect(OK).len(),
        |at| block_on(sets::unordered(at.len(), yield_four_times)).len(),
    );
    parked(&rows);
}

fn ready(rows: &Rows<'_>) {
    rows.row(
        ("ready at once", UNORDERED, bars(0.7, 0.4, 0.5)),
        |at| block_on(sets::nursery(at.len(), at_once)).expect(OK).len(),
        |at| block_on(sets::unordered(at.len(), at_once)).len(),
    );
    rows.row(
        ("ready at once", "futures_buffered, boxed", bars(1.0, 0.7, 0.8)),
        |at| block_on(sets::nursery(at.len(), at_once)).expect(OK).len(),
        |at| block_on(sets::buffered(at.len(), at_once)).len(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    rows.row(
        ("ready at once", "tokio JoinSet, one thread", [None, Some(0.25), Some(0.25)]),
        |at| block_on(sets::nursery(at.len(), at_once)).expect(OK).len(),
        |at| runtime.block_on(sets::join_set(at.len(), at_once)).len(),
    );
}

fn parked(rows: &Rows<'_>) {
    rows.row(
        ("park, all woken, then polled", UNORDERED, bars(1.0, 0.8, 0.75)),
        |at| at.wake_all(sets::nursery(at.len(), |n| at.child(n))).expect(OK).len(),
        |at| at.wake_all(sets::unordered(at.len(), |n| at.child(n))).len(),
    );
    rows.row(
        ("park, woken singly", UNORDERED, bars(1.3, 1.25, 1.5)),
        |at| at.wake_singly(sets::nursery(at.len(), |n| at.child(n))).expect(OK).len(),
        |at| at.wake_singly(sets::unordered(at.len(), |n| at.child(n))).len(),
    );
    rows.row(
        ("park, woken singly, with handles", "the hand-made stack", bars(1.2, 1.1, 1.2)),
        |at| {
            let (_handles, all) = sets::nursery_with_handles(at.len(), |n| at.child(n));
            at.wake_singly(all).expect(OK).len()
        },
        |at| {
            let (_handles, all) = sets::by_hand(at.len(), |n| at.child(n));
            at.wake_singly(all).len()
        },
    );
    rows.row(
        ("pool, woken singly, limit = items", UNORDERED, [None, Some(1.1), Some(1.5)]),
        |at| {
            at.wake_singly(sets::pool(at.len(), |n| at.child(n))).expect(OK);
            at.len()
        },
        |at| at.wake_singly(sets::unordered(at.len(), |n| at.child(n))).len(),
    );
}

fn bars(ten: f64, thousand: f64, hundred_thousand: f64) -> Bars {
    [Some(ten), Some(thousand), Some(hundred_thousand)]
}

struct Rows<'a> {
    table: &'a Table,
    turns: &'a Turns,
}

impl Rows<'_> {
    /// Each way answers with the number of children that have succeeded.
    fn row(
        &self,
        (work, rival, bars): (&str, &str, Bars),
        ours: impl Fn(&Parking) -> usize,
        theirs: impl Fn(&Parking) -> usize,
    ) {
        self.table.row(work, rival, || {
            let cells = SIZES.iter().zip(bars).map(|(&size, at_most)| {
                let children = self.turns.size(size);
                let parking = Parking::new(children);
                let ours = |size| assert_eq!(ours(&parking), size);
                let theirs = |size| assert_eq!(theirs(&parking), size);
                let (ours, theirs) = (Way { children, run: &ours }, Way { children, run: &theirs });
                Some(self.turns.compare(ours, theirs, at_most?))
            });
            cells.collect()
        });
    }
}
