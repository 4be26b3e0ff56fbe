//! Whatever is ready is polled within a bound that follows from the rules of the driver, for ever.
//!
//! A run is made up at random: busy parties and parked ones, bodies, timers, pools, nests in nests.
//! It is polled by hand, a turn a poll, as a runtime would: only if it was woken. So are the lanes
//! of pools that run on an executor. Each party says when it becomes ready and when it is polled.
//! So a turn in which one has waited for too long is seen at once, in the first turns as in the
//! last.

mod board;
mod build;
mod crew;
mod elsewhere;
mod greedy;
mod plan;

use proptest::prelude::*;

use self::board::Board;
use self::build::Place;
use self::crew::Crew;
use self::plan::{Nest, small, wide};
use crate::support::{Task, guarded, random_cases};

/// Enough for some hundred waves, and for the longest bound.
const TURNS: usize = 600;

/// After so many busy turns there are some quiet ones.
#[derive(Clone, Copy, Debug)]
struct Waves {
    busy: usize,
    quiet: usize,
}

impl Waves {
    fn is_quiet(self, turn: usize) -> bool {
        turn % (self.busy + self.quiet) >= self.busy
    }
}

fn waves() -> impl Strategy<Value = Waves> {
    let short = (1..6_usize, 0..3_usize);
    let long = (50..300_usize, 1..20_usize);
    prop_oneof![3 => short.boxed(), 1 => long.boxed()]
        .prop_map(|(busy, quiet)| Waves { busy, quiet })
}

/// Polls a run and what it has on the executor, and looks at all parties after each turn.
fn check(nest: &Nest, waves: Waves) -> Result<(), String> {
    let (board, crew) = (Board::default(), Crew::default());
    let checked = check_turns(nest, waves, &board, &crew);
    crew.dismiss();
    checked
}

/// The executor has its turn before the run in one turn, and after it in the next.
fn check_turns(nest: &Nest, waves: Waves, board: &Board, crew: &Crew) -> Result<(), String> {
    let mut run = Task::new(build::run_nest(nest, &Place::outermost(board, crew, nest)));
    let mut answered = None;
    for turn in 0..TURNS {
        board.begin_turn(waves.is_quiet(turn));
        let rests = answered == Some(run.wakes()) && !crew.is_woken();
        if let (true, Some(party)) = (rests, board.any_ready()) {
            return Err(format!("in turn {turn}: {party} is ready, and the run rests"));
        }
        if turn % 2 == 0 {
            crew.poll(board, turn % 4 == 0)?;
        }
        if answered != Some(run.wakes()) {
            answered = Some(run.wakes());
            if run.poll().is_ready() {
                return Err(format!("in turn {turn}: the run has ended"));
            }
            board.end_poll()?;
        }
        if turn % 2 == 1 {
            crew.poll(board, turn % 4 == 1)?;
        }
        board.end_turn()?;
    }
    Ok(())
}

#[test]
fn whatever_is_ready_in_nests_is_polled_within_its_bound() {
    guarded(|| {
        proptest!(random_cases(60), |(nest in small(), waves in waves())| {
            prop_assert_eq!(check(&nest, waves), Ok(()));
        });
    });
}

#[test]
fn whatever_is_ready_of_many_is_polled_within_its_bound() {
    guarded(|| {
        proptest!(random_cases(20), |(nest in wide(), waves in waves())| {
            prop_assert_eq!(check(&nest, waves), Ok(()));
        });
    });
}
