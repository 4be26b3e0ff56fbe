//! Where an executor's choices come from, and which were made.
//!
//! A choice is one of `n`, of which 0 is always the plain one: the task that was woken first, the
//! order in which futures began to wait, no hazard. Which choices there are, and in which order
//! they are asked for, is what a [`Replay`] stands for. A change of that takes a new number of the
//! replays' format.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

use super::every::Path;
use super::hazards::Hazards;
use super::ranks::Ranks;
use super::replay::Replay;

pub(super) struct Choices {
    /// `None` where all schedules are gone through.
    seed: Option<u64>,
    state: Mutex<State>,
}

struct State {
    source: Source,
    ration: Ration,
    made: Vec<u32>,
    /// Of how many each was, as one number.
    asked: u64,
}

/// What decides.
pub(super) enum Source {
    /// Every choice is as likely, and hazards come by their chances.
    Random(Rng),
    /// The same, but that tasks have ranks.
    Ranked(Rng, Ranks),
    /// The user's function decides; it is away while it is called.
    Given(Option<Given>),
    /// What was decided before, and 0 after that.
    Replayed(Recorded),
    /// One of all ways.
    Every(Path),
}

/// The choices of a replay.
pub(super) struct Recorded {
    choices: std::vec::IntoIter<u32>,
    /// One was out of range.
    strayed: bool,
}

impl Recorded {
    fn choose(&mut self, n: usize) -> usize {
        let choice = self.choices.next().unwrap_or(0) as usize;
        self.strayed |= choice >= n;
        choice % n
    }
}

pub(super) type Given = Box<dyn FnMut(usize) -> usize + Send>;

/// How often, in percent of the steps, one of the wakes is delivered that were held back.
const DELIVERY: u8 = 10;

/// Lets only a part of the hazards through that are asked for by what knows no chances: a run in
/// which each wake brings another does not end.
#[derive(Default)]
struct Ration {
    asked: u64,
    granted: u64,
}

/// Of the hazards that are asked for, one in so many is granted. It is more than what a hazard asks
/// for in turn, so that they come to an end.
const ONE_IN: u64 = 8;

/// So many are granted besides: a short run, too, may have some that are close to each other.
const BESIDES: u64 = 2;

impl Ration {
    fn allows(&mut self) -> bool {
        self.asked += 1;
        self.granted.saturating_sub(BESIDES) * ONE_IN <= self.asked
    }
}

impl Choices {
    pub(super) fn new(seed: Option<u64>, source: Source) -> Self {
        let (ration, made) = (Ration::default(), Vec::new());
        Self { seed, state: Mutex::new(State { source, ration, made, asked: 0 }) }
    }

    pub(super) fn random(seed: u64) -> Self {
        Self::new(Some(seed), Source::Random(Rng::with_seed(seed)))
    }

    pub(super) fn replayed(replay: &Replay) -> Self {
        let choices = replay.choices().to_vec().into_iter();
        Self::new(replay.origin(), Source::Replayed(Recorded { choices, strayed: false }))
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    /// What an executor begins with.
    pub(super) fn hazards(&self) -> Hazards {
        if self.seed.is_some() { Hazards::all() } else { Hazards::none() }
    }

    /// Whether the user's function decides.
    pub(super) fn are_given(&self) -> bool {
        matches!(self.lock().source, Source::Given(_))
    }

    /// Whether the seed alone decides.
    pub(super) fn are_seeded(&self) -> bool {
        matches!(self.lock().source, Source::Random(_) | Source::Ranked(..))
    }

    /// What was chosen so far.
    pub(super) fn replay(&self) -> Replay {
        Replay::new(self.seed, self.lock().made.clone())
    }

    /// Of how many each choice was, as one number.
    pub(super) fn asked(&self) -> u64 {
        self.lock().asked
    }

    /// Whether a replay has asked for other choices than it has.
    pub(super) fn have_strayed(&self) -> bool {
        match &self.lock().source {
            Source::Replayed(recorded) => recorded.strayed || recorded.choices.len() > 0,
            _ => false,
        }
    }

    /// Hands out the way that was gone, where all ways are gone one after the other.
    pub(super) fn take_path(&self) -> Option<Path> {
        match &mut self.lock().source {
            Source::Every(path) => Some(std::mem::take(path)),
            _ => None,
        }
    }

    /// One of `n`. Where there is nothing to choose, nothing is asked.
    pub(super) fn one_of(&self, n: usize) -> usize {
        if n < 2 {
            return 0;
        }
        let mut state = self.lock();
        let chosen = match &mut state.source {
            Source::Random(rng) | Source::Ranked(rng, _) => rng.usize(..n),
            Source::Replayed(recorded) => recorded.choose(n),
            Source::Every(path) => path.choose(n),
            Source::Given(given) => match given.take() {
                None => 0,
                // It is the user's code, and may ask for what is behind the lock.
                Some(mut given) => {
                    drop(state);
                    let chosen = given(n) % n;
                    state = self.lock();
                    if let Source::Given(place) = &mut state.source {
                        *place = Some(given);
                    }
                    chosen
                }
            },
        };
        state.note(chosen, n);
        chosen
    }

    /// Whether a wake that was held back is delivered now. It is no hazard: each makes them fewer.
    pub(super) fn delivers(&self) -> bool {
        self.comes(DELIVERY, false)
    }

    /// Whether a hazard with this chance comes.
    pub(super) fn chance(&self, percent: u8) -> bool {
        if percent == 0 || percent >= 100 { percent > 0 } else { self.comes(percent, true) }
    }

    fn comes(&self, percent: u8, is_hazard: bool) -> bool {
        let mut state = self.lock();
        let State { source, ration, .. } = &mut *state;
        let chosen = match source {
            Source::Random(rng) | Source::Ranked(rng, _) => rng.u8(..100) < percent,
            Source::Replayed(recorded) => recorded.choose(2) == 1,
            Source::Given(_) | Source::Every(_) if !is_hazard || ration.allows() => {
                drop(state);
                let chosen = self.one_of(2) == 1;
                self.lock().ration.granted += u64::from(chosen && is_hazard);
                return chosen;
            }
            Source::Given(_) => false,
            Source::Every(path) => path.choose(1) == 1,
        };
        state.note(usize::from(chosen), 2);
        chosen
    }

    /// Which of these tasks is polled next: its place among them. They are in the order in which
    /// they were woken.
    pub(super) fn task(&self, among: &[usize]) -> usize {
        let mut state = self.lock();
        let Source::Ranked(rng, ranks) = &mut state.source else {
            drop(state);
            return self.one_of(among.len());
        };
        let chosen = ranks.choose(rng, among);
        if among.len() > 1 {
            state.note(chosen, among.len());
        }
        chosen
    }

    /// A task has woken itself while it was polled: the others are to go first.
    pub(super) fn yielded(&self, task: usize) {
        if let Source::Ranked(_, ranks) = &mut self.lock().source {
            ranks.lower(task);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, chosen: usize, n: usize) {
        self.made.push(u32::try_from(chosen).unwrap_or(u32::MAX));
        self.asked = (self.asked ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}
