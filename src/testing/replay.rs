//! What an executor chose, as a text.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The number of the format, and of the choices that it stands for.
const FORMAT: &str = "1";

/// Stands for the seed where there is none.
const EVERY: &str = "every";

/// Longer ones are not printed where a run fails: few terminals, and no environment, would take
/// them.
const PRINTED: usize = 16_384;

/// So many choices a replay has at most.
const MOST: usize = 1 << 24;

/// The choices of a run, as [`Executor::replay`](super::Executor::replay) returns them, to be made
/// [again](super::Executor::from_replay).
///
/// A seed stands for a run only in one version of this crate, as another draws other numbers from
/// it. A replay has the choices themselves. Each later version makes them that knows the format,
/// the number at the beginning. A version that does not know it refuses the replay.
///
/// Code that has changed since asks for other choices, and the wakes of a nursery are choices too.
/// Then a choice that is out of range is taken as its remainder, and once the replay is over the
/// plain choice is made. [`Explored::strayed`](super::Explored::strayed) tells of both.
///
/// Its text is of letters, digits, colons and underscores: the format, the
/// [seed](super::Run::seed), and the choices. Instead of a seed stands `every` if
/// [all schedules](super::Schedules::every) were gone through. A letter is a choice, `a` the plain
/// one, and a number after it says how often it comes in a row. Choices from 26 on stand between
/// underscores.
///
/// # Examples
///
/// ```
/// use nestling::testing::{Executor, Replay, yields};
///
/// let mut executor = Executor::new(7);
/// executor.spawn(yields(3));
/// assert!(executor.run().is_done());
/// let text = executor.replay().to_string();
///
/// let replay: Replay = text.parse().unwrap();
/// let mut again = Executor::from_replay(&replay);
/// again.spawn(yields(3));
/// assert!(again.run().is_done());
/// assert_eq!(again.polls(), executor.polls());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Replay {
    /// `None` if all schedules were gone through.
    seed: Option<u64>,
    /// Without the plain ones at its end.
    choices: Vec<u32>,
}

impl Replay {
    pub(super) fn new(seed: Option<u64>, mut choices: Vec<u32>) -> Self {
        let end = choices.iter().rposition(|&choice| choice != 0).map_or(0, |last| last + 1);
        choices.truncate(end);
        Self { seed, choices }
    }

    /// The seed of the run. A run [by given choices](super::Executor::from_choices) has 0, and so
    /// has one of [all schedules](super::Schedules::every).
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    /// The seed; `None` if all schedules were gone through.
    pub(super) fn origin(&self) -> Option<u64> {
        self.seed
    }

    /// Its text, if it is short enough to be printed.
    pub(super) fn printed(&self) -> Option<String> {
        let text = self.to_string();
        (text.len() <= PRINTED).then_some(text)
    }

    pub(super) fn choices(&self) -> &[u32] {
        &self.choices
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed {
            Some(seed) => write!(f, "{FORMAT}:{seed}:")?,
            None => write!(f, "{FORMAT}:{EVERY}:")?,
        }
        for row in self.choices.chunk_by(|a, b| a == b) {
            match u8::try_from(row[0]) {
                Ok(choice @ ..26) => f.write_char(char::from(b'a' + choice))?,
                _ => write!(f, "_{}_", row[0])?,
            }
            if row.len() > 1 {
                write!(f, "{}", row.len())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replay({self})")
    }
}

impl FromStr for Replay {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Self, ReplayError> {
        let text = text.trim();
        let mut reader = Reader { text, at: 0 };
        let format = reader.until_colon()?;
        if format != FORMAT {
            let what = format!("its format is {format:?}, and this version reads {FORMAT:?}");
            return Err(ReplayError(what));
        }
        let seed = match reader.until_colon()? {
            EVERY => None,
            seed => match seed.parse() {
                Ok(seed) => Some(seed),
                Err(_) => return Err(ReplayError(format!("its seed is {seed:?}"))),
            },
        };
        let mut choices = Vec::new();
        while let Some((choice, times)) = reader.row()? {
            if times > MOST - choices.len() {
                return Err(ReplayError(format!("it has more than {MOST} choices")));
            }
            choices.extend(std::iter::repeat_n(choice, times));
        }
        Ok(Self::new(seed, choices))
    }
}

/// Reads a text from its beginning.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, wanted: &str) -> ReplayError {
        let found = match self.rest().chars().next() {
            Some(found) => format!("{found:?}"),
            None => "its end".to_owned(),
        };
        ReplayError(format!("at byte {} it has {found} and not {wanted}", self.at))
    }

    fn until_colon(&mut self) -> Result<&'a str, ReplayError> {
        let Some((before, _)) = self.rest().split_once(':') else {
            return Err(ReplayError("it is not of the form format:seed:choices".to_owned()));
        };
        self.at += before.len() + 1;
        Ok(before)
    }

    fn number(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A choice, and how often it comes in a row.
    fn row(&mut self) -> Result<Option<(u32, usize)>, ReplayError> {
        let choice = match self.rest().bytes().next() {
            None => return Ok(None),
            Some(letter @ b'a'..=b'z') => {
                self.at += 1;
                u32::from(letter - b'a')
            }
            Some(b'_') => {
                self.at += 1;
                let number = self.number().parse();
                let choice = number.map_err(|_| self.wrong("a choice after `_`"))?;
                if !self.rest().starts_with('_') {
                    return Err(self.wrong("a second `_`"));
                }
                self.at += 1;
                choice
            }
            Some(_) => return Err(self.wrong("a letter from a to z, or `_`")),
        };
        let times = match self.number() {
            "" => 1,
            // One that is too large is refused as too many.
            number => number.parse().unwrap_or(usize::MAX),
        };
        Ok(Some((choice, times)))
    }
}

/// A text is no [`Replay`]; it says why, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a replay: {0}")]
pub struct ReplayError(String);
