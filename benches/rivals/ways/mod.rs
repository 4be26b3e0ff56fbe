//! Ways to run children: nestling, and its rivals.

mod async_nursery;
mod bounded_join_set;
mod buffered;
mod by_hand;
mod co_stream;
mod executor;
mod future_group;
mod join_map;
mod join_set;
mod moro;
mod nestling;
mod on_executor;
mod run;
mod task_tracker;
mod tokio;
mod try_join_all;
mod unordered;

use self::tokio::{OneThread, TwoThreads};
use crate::work::{Need, Way};

/// Something that is to be done with each way.
pub trait Visit {
    fn way<Y: Way>(&mut self);
}

/// Visits all ways; ours are the first.
pub fn visit_all(visit: &mut impl Visit) {
    visit.way::<nestling::Nestling>();
    visit.way::<run::Run>();
    visit.way::<on_executor::OnExecutor>();
    visit.way::<unordered::Unordered>();
    visit.way::<by_hand::ByHand>();
    visit.way::<try_join_all::TryJoinAll>();
    visit.way::<buffered::Buffered>();
    visit.way::<future_group::Group>();
    visit.way::<co_stream::CoStream>();
    visit.way::<moro::Moro>();
    visit.way::<executor::Shared>();
    visit.way::<executor::Local>();
    visit.way::<join_set::InJoinSet<OneThread>>();
    visit.way::<join_set::InJoinSet<TwoThreads>>();
    visit.way::<join_map::InJoinMap>();
    visit.way::<task_tracker::Tracked>();
    visit.way::<bounded_join_set::Bounded>();
    visit.way::<async_nursery::Nursed>();
}

/// What each way lacks, and why, as notes below a table.
pub fn lacks(wanted: &[Need]) -> String {
    struct Lacks<'a>(&'a [Need], String);
    impl Visit for Lacks<'_> {
        fn way<Y: Way>(&mut self) {
            let wanted = Y::LACKS.iter().filter(|(need, _)| self.0.contains(need));
            for (need, why) in wanted {
                self.1 += &format!("    {}: {} {why}.\n", Y::NAME, need.missing());
            }
        }
    }
    let mut lacks = Lacks(wanted, String::new());
    visit_all(&mut lacks);
    lacks.1
}

impl Need {
    fn missing(self) -> &'static str {
        match self {
            Self::All => "cannot run children, as",
            Self::Ends => "cannot wait for one end, as",
            Self::Handles => "cannot cancel one child, as",
            Self::CancelAll => "cannot cancel all and go on, as",
            Self::FirstError => "cannot stop at the first error, as",
            Self::PromptError => "has no row for the first error, as",
            Self::Spawner => "no child can spawn, as",
            Self::Outside => "no other thread can spawn, as",
        }
    }
}
