//! Many schedules, one test.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::choices::Choices;
use super::executor::Executor;
use super::reached::Counting;
use super::replay::Replay;
use super::schedules::{EveryWay, Kind, Schedules};

/// The environment variables that name the one run to make.
const SEED: &str = "NESTLING_SEED";
const REPLAY: &str = "NESTLING_REPLAY";

/// Runs `test` by each of the schedules: a range of seeds, or what [`Schedules`] has. Returns how
/// many runs there were, and what they [reached](macro@super::reached).
///
/// If a run fails, how to make it alone is printed: with `NESTLING_REPLAY` set to its
/// [replay](Replay), or `NESTLING_SEED` to its seed, this run is made and no other. They hold for
/// each exploration of the process, so name one test beside them.
///
/// # Panics
///
/// - With the first panic of `test`.
/// - If a name was [never reached](macro@super::reached) that should have been.
/// - If there is no schedule, or more than [`every`](Schedules::every) may go through.
/// - If a run is not the same [twice](Schedules::twice).
/// - If `NESTLING_SEED` is no number or `NESTLING_REPLAY` no replay.
///
/// # Examples
///
/// Every way that two tasks of three polls can go:
///
/// ```
/// use nestling::testing::{Schedules, explore, yields};
///
/// let explored = explore(Schedules::every(1_000), |run| {
///     let mut executor = run.executor();
///     executor.spawn(yields(2));
///     executor.spawn(yields(2));
///     executor.run().expect_done();
/// });
/// assert_eq!(explored.runs(), 20); // 6 polls, of which the first task has 3
/// ```
#[track_caller]
pub fn explore(schedules: impl Into<Schedules>, mut test: impl FnMut(&Run)) -> Explored {
    let mut schedules = schedules.into();
    let counting = Counting::new(&schedules.reaching);
    if let Some(one) = from_environment(&schedules) {
        test(&Run::new(one));
        return Explored { runs: 1, strayed: 0, reached: counting.counts() };
    }
    let (mut runs, mut strayed) = (0, 0);
    while let Some(choices) = schedules.next() {
        let run = Run::new(choices);
        run.make(&mut test);
        runs += 1;
        strayed += usize::from(run.choices.have_strayed());
        if schedules.twice {
            let again = Run::new(Choices::replayed(&run.replay()));
            again.make(&mut test);
            let is_same = run.choices.asked() == again.choices.asked();
            assert!(is_same, "{}", differs(&run));
        }
        if let Kind::Every(ways) = &mut schedules.kind {
            go_on(ways, &run);
        }
    }
    assert!(runs > 0, "there is no schedule to go through");
    let explored = Explored { runs, strayed, reached: counting.counts() };
    let never = explored.reached.iter().filter(|(_, times)| **times == 0);
    let never: Vec<_> = never.map(|(name, _)| format!("{name:?}")).collect();
    assert!(never.is_empty(), "never reached: {}\n{explored}", never.join(", "));
    explored
}

/// What is said where a run is not the same as before.
fn differs(run: &Run) -> String {
    let seed = run.seed();
    format!(
        "the run by seed {seed} asks for other choices when it is made again: the test depends on \
         something else than the choices, such as a clock, an address, or the order of a hash map",
    )
}

/// Goes on to the next of all ways.
#[track_caller]
fn go_on(ways: &mut EveryWay, run: &Run) {
    ways.gone += 1;
    let path = run.choices.take_path().unwrap_or_default();
    assert!(!path.has_strayed(), "{}", differs(run));
    ways.next = path.next();
    let at_most = ways.at_most;
    assert!(
        ways.next.is_none() || ways.gone < at_most,
        "there are more than {at_most} schedules: make the run smaller, or the bound larger",
    );
}

/// The one run that the environment asks for.
#[track_caller]
fn from_environment(schedules: &Schedules) -> Option<Choices> {
    let said = |name| env::var_os(name).map(|said| said.to_string_lossy().into_owned());
    if let Some(said) = said(REPLAY) {
        match said.parse::<Replay>() {
            Ok(replay) => return Some(Choices::replayed(&replay)),
            Err(error) => panic!("{REPLAY}: {error}"),
        }
    }
    let said = said(SEED)?;
    let Ok(seed) = said.parse() else {
        panic!("{SEED} is to be a number from 0 to {}, and is {said:?}", u64::MAX);
    };
    Some(schedules.by_seed(seed))
}

/// One run of a test that is explored.
pub struct Run {
    choices: Arc<Choices>,
}

impl Run {
    fn new(choices: Choices) -> Self {
        Self { choices: Arc::new(choices) }
    }

    /// An executor that is to choose as the exploration wants. Where a run has several, they share
    /// its choices, and the ranks of their tasks.
    #[must_use]
    pub fn executor<'env>(&self) -> Executor<'env> {
        Executor::explored(Arc::clone(&self.choices))
    }

    /// The seed, for what the test makes up by itself. Where [every](Schedules::every) schedule is
    /// gone through, it is 0 each time.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.choices.seed()
    }

    /// One of `n`, from 0 on, for what the test itself has to choose: it is a choice of the
    /// schedule as those of the executors are, and a part of the replay.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    #[must_use]
    #[track_caller]
    pub fn choose(&self, n: usize) -> usize {
        assert!(n > 0, "there is nothing to choose from");
        self.choices.one_of(n)
    }

    /// What was chosen so far.
    #[must_use]
    pub fn replay(&self) -> Replay {
        self.choices.replay()
    }

    /// Says how to make the run again, if it fails.
    fn make(&self, test: &mut impl FnMut(&Self)) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| test(self))) {
            eprintln!("nestling::testing: a run fails; to make it alone, set one of these:");
            if self.choices.are_seeded() {
                eprintln!("    {SEED}={}", self.seed());
            }
            match self.replay().printed() {
                Some(replay) => eprintln!("    {REPLAY}={replay} # also in other versions"),
                None => eprintln!("its replay is long: see `Run::replay` and `Schedules::replays`"),
            }
            resume_unwind(payload);
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("replay", &self.replay()).finish_non_exhaustive()
    }
}

/// What came of an exploration. `Display` is a line for the runs, and one for each name that was
/// [reached](macro@super::reached).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    runs: usize,
    strayed: usize,
    reached: BTreeMap<String, u64>,
}

impl Explored {
    /// How many schedules were gone through.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// How many [replays](Schedules::replays) had choices left over, or one that was out of range:
    /// the code has changed since, and what they once showed they may show no more.
    #[must_use]
    pub fn strayed(&self) -> usize {
        self.strayed
    }

    /// How often this name was [reached](macro@super::reached), over all runs.
    #[must_use]
    pub fn reached(&self, name: &str) -> u64 {
        self.reached.get(name).copied().unwrap_or(0)
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs", self.runs)?;
        if self.strayed > 0 {
            write!(f, ", of which {} have strayed", self.strayed)?;
        }
        for (name, times) in &self.reached {
            write!(f, "\n{times:>9} {name}")?;
        }
        Ok(())
    }
}
