//! Which schedules an exploration goes through.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use fastrand::Rng;

use super::choices::{Choices, Source};
use super::every::Path;
use super::ranks::Ranks;
use super::replay::Replay;

/// Which schedules [`explore`](fn@super::explore) goes through. A range of seeds is those of
/// [`random`](Self::random).
///
/// | | finds | takes |
/// |---|---|---|
/// | [`random`](Self::random) | what happens in many schedules | as many runs as seeds |
/// | [`pct`](Self::pct) | what needs a few tasks in a certain order, among many that do not matter | the same |
/// | [`every`](Self::every) | everything that can happen without hazards | all schedules: only for small runs |
/// | [`replays`](Self::replays) | what was found before | a run each |
#[must_use]
pub struct Schedules {
    pub(super) kind: Kind,
    pub(super) reaching: Vec<String>,
    pub(super) twice: bool,
}

pub(super) enum Kind {
    Random(Box<dyn Iterator<Item = u64>>),
    Pct(Box<dyn Iterator<Item = u64>>, usize),
    Every(EveryWay),
    Replays(std::vec::IntoIter<Replay>),
}

/// All ways, each made when it is asked for.
pub(super) struct EveryWay {
    pub(super) next: Option<Path>,
    pub(super) gone: usize,
    pub(super) at_most: usize,
}

impl Schedules {
    /// A run for each seed, in which every choice is as likely, and hazards come by their
    /// [chances](super::Hazards).
    pub fn random(seeds: impl IntoIterator<Item = u64, IntoIter: 'static>) -> Self {
        Self::new(Kind::Random(Box::new(seeds.into_iter())))
    }

    /// A run for each seed, in which tasks have ranks: of those that were woken, the one with the
    /// highest rank is polled. The ranks are drawn at the beginning. `depth - 1` times in a run the
    /// task that is about to be polled falls to the lowest. The other choices are as in
    /// [`random`](Self::random).
    ///
    /// A fault of depth `d` is one that needs `d` events in a certain order: 1 if one thing happens
    /// too late, 2 or 3 for most races. Uniform choices rarely keep one task back while others are
    /// polled many times; ranks do. The source is "A randomized scheduler with probabilistic
    /// guarantees of finding bugs" by Burckhardt and others. With `n` tasks and `k` polls, their
    /// scheduler finds such a fault in a run with a probability of at least `1 / (n k^(d - 1))`. It
    /// knows `k`. Here the place of a change is drawn among powers of two, and then up to that one,
    /// which costs a factor for each change that grows with the logarithm of the polls.
    ///
    /// The bound is for runs without [hazards](super::Hazards): with late and spurious wakes, a
    /// task of a low rank is polled while those of a high one wait. And a task that is woken in its
    /// own poll yields: it falls to the lowest rank, as a task that spins would else keep out what
    /// it waits for. A nursery in which children wake each other is such a task.
    ///
    /// It orders tasks. The children of one nursery are one task, unless they run
    /// [on the workers](super::Executor::workers).
    ///
    /// # Panics
    ///
    /// If `depth` is 0.
    #[track_caller]
    pub fn pct(seeds: impl IntoIterator<Item = u64, IntoIter: 'static>, depth: usize) -> Self {
        assert!(depth > 0, "a fault has a depth of at least 1");
        Self::new(Kind::Pct(Box::new(seeds.into_iter()), depth))
    }

    /// Every schedule there is, one after the other. The executors begin without
    /// [hazards](super::Hazards). One that is added with any chance below 100 is a choice of two,
    /// and is granted as seldom as in [`from_choices`](super::Executor::from_choices).
    ///
    /// It is for small runs, as the number of schedules grows with the factorial of the polls. If
    /// there are more than `at_most`, the exploration fails, as it has not shown what it is to
    /// show.
    pub fn every(at_most: usize) -> Self {
        Self::new(Kind::Every(EveryWay { next: Some(Path::default()), gone: 0, at_most }))
    }

    /// The runs of these replays: those that have failed once, and are to be made again with each
    /// change. [`Explored::strayed`](super::Explored::strayed) says how many of them fit no more.
    ///
    /// # Panics
    ///
    /// If one of the texts is no [`Replay`].
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::testing::{Schedules, explore, yields};
    ///
    /// explore(Schedules::replays(["1:7:ba3c", "1:every:b"]), |run| {
    ///     let mut executor = run.executor();
    ///     executor.spawn(yields(3));
    ///     executor.spawn(yields(3));
    ///     executor.run().expect_done();
    /// });
    /// ```
    #[track_caller]
    pub fn replays<'a>(replays: impl IntoIterator<Item = &'a str>) -> Self {
        let parsed = replays.into_iter().map(|text| match text.parse() {
            Ok(replay) => replay,
            Err(error) => panic!("{text:?}: {error}"),
        });
        Self::new(Kind::Replays(parsed.collect::<Vec<_>>().into_iter()))
    }

    fn new(kind: Kind) -> Self {
        Self { kind, reaching: Vec::new(), twice: false }
    }

    /// The exploration fails unless each of these names was [reached](macro@super::reached) in one
    /// of its runs.
    pub fn reaching<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.reaching.extend(names.into_iter().map(Into::into));
        self
    }

    /// Makes each run a second time, by the replay of the first, and fails if it asks for other
    /// choices then: the test depends on something else, on the clock, an address or the order of a
    /// hash map. Such a run cannot be made again when it fails. What is
    /// [reached](macro@super::reached) counts in both.
    pub fn twice(mut self) -> Self {
        self.twice = true;
        self
    }

    /// The choices of the next run.
    pub(super) fn next(&mut self) -> Option<Choices> {
        let seed = match &mut self.kind {
            Kind::Random(seeds) | Kind::Pct(seeds, _) => seeds.next()?,
            Kind::Every(ways) => {
                let path = ways.next.take()?;
                return Some(Choices::new(None, Source::Every(path)));
            }
            Kind::Replays(replays) => return Some(Choices::replayed(&replays.next()?)),
        };
        Some(self.by_seed(seed))
    }

    /// The choices of the run by this seed.
    pub(super) fn by_seed(&self, seed: u64) -> Choices {
        let Kind::Pct(_, depth) = &self.kind else { return Choices::random(seed) };
        let mut rng = Rng::with_seed(seed);
        let ranks = Ranks::new(*depth, &mut rng);
        Choices::new(Some(seed), Source::Ranked(rng, ranks))
    }
}

impl From<Range<u64>> for Schedules {
    fn from(seeds: Range<u64>) -> Self {
        Self::random(seeds)
    }
}

impl From<RangeInclusive<u64>> for Schedules {
    fn from(seeds: RangeInclusive<u64>) -> Self {
        Self::random(seeds)
    }
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Random(_) => "random",
            Kind::Pct(..) => "pct",
            Kind::Every(_) => "every",
            Kind::Replays(_) => "replays",
        };
        f.debug_struct("Schedules")
            .field("kind", &kind)
            .field("reaching", &self.reaching)
            .field("twice", &self.twice)
            .finish_non_exhaustive()
    }
}
