//! What a pool must do with its items, here or elsewhere.
//!
//! As for nurseries, a run tells what happens, and the rules say whether it may happen, and what
//! the pool must report of it. And a run does no more than it must, and leaves nothing.

mod report;
mod rules;
mod run;
mod script;
mod wakes;

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use nestling::Failure;

use self::report::judge;
use self::rules::Expected;
use self::run::{Event, Ran, run};
use self::script::{Script, script_of};

fn check(script: &Script, seed: u64) -> Result<(), String> {
    let ran = run(script, seed);
    let all = format!("\nseed {seed}, {script:#?}\n{:?}", ran.events);
    let held = see(script, &ran).and_then(|expected| judge(script, &expected, &ran));
    held.and_then(|()| ran.leaves_nothing()).map_err(|fault| fault + &all)
}

/// Holds what has happened against the rules.
fn see(script: &Script, ran: &Ran) -> Result<Expected, String> {
    let failures =
        || ran.report.iter().flat_map(|report| report.error()).flat_map(|error| error.iter());
    let gave_up = failures().any(|error| error.child().is_nursery());
    // Elsewhere the pool hears later of what came before a cancel.
    let exact = !script.remote || !ran.events.contains(&Event::Cancels);
    let mut late = BTreeSet::new();
    if !exact && ran.report.is_some() {
        let lost = failures().filter(|error| matches!(error.failure(), Failure::Executor(_)));
        let lost: BTreeSet<_> = lost.map(|error| error.child().id().number() as usize).collect();
        late = (0..script.items.len()).filter(|number| !lost.contains(number)).collect();
    }
    let mut expected = Expected { gave_up, exact, late, ..Expected::default() };
    for event in &ran.events {
        expected.see(script, *event)?;
    }
    Ok(expected)
}

/// Checks the run that the bytes stand for: seed, shape, items.
pub(crate) fn check_bytes(data: &[u8]) {
    let made: arbitrary::Result<_> = (|| {
        let mut bytes = Unstructured::new(data);
        let seed = u64::from(u16::arbitrary(&mut bytes)?);
        Ok(check(&script_of(&mut bytes)?, seed))
    })();
    // Bytes that stand for no run are none of ours.
    if let Ok(Err(fault)) = made {
        panic!("{fault}");
    }
}

#[cfg(test)]
mod cases {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::memory::left_by;
    use super::script::script;
    use super::{check, check_bytes};
    use crate::support::random_cases;

    #[test]
    fn a_pool_does_what_the_model_says_here_and_elsewhere() {
        proptest!(random_cases(5_000), |(script in script(), seed: u64)| {
            match left_by(|| check(&script, seed)) {
                Ok(left) => prop_assert_eq!(left, 0, "allocations of seed {}", seed),
                Err(fault) => prop_assert!(false, "{}", fault),
            }
        });
    }

    #[test]
    fn it_does_so_with_scripts_that_are_made_from_bytes() {
        proptest!(random_cases(1_000), |(data in vec(any::<u8>(), 0..300))| check_bytes(&data));
    }
}
