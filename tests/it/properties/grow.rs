//! Joined errors grown from bytes, each by nurseries whose children do what the bytes say.
//!
//! The bytes are steps, of a letter and what belongs to it. (Any other byte counts as the letter
//! that has its four low bits.) They work on a stack of nurseries that are being planned:
//!
//! | step | | |
//! |---|---|---|
//! | `a` | | the next child cancels itself at its end |
//! | `b` | text | this nursery has a body, which fails with it |
//! | `c` | two bytes | the last child is put in a chain of up to 19 nurseries, with failures of their own if the first byte is odd |
//! | `c` | 0xea or 0xeb, 0xde | the same, 5000; once, and rare, as it takes long |
//! | `d` | | a child succeeds |
//! | `e` | text | a child fails with it |
//! | `f` | byte | so many failures cancel this nursery |
//! | `g` | text | a child is a nursery with this name; steps are its own from here on |
//! | `h` | text | the destructor of the next child panics with it |
//! | `i` | | the next child ends a round later |
//! | `j` | byte, text | what the next error was caused by was caused by this, of one of three types |
//! | `j` | 128 to 239 | the same, ten times or twenty or so on |
//! | `j` | 240 to 255 | what the next error was caused by goes on without end |
//! | `k` | byte | this nursery stores at most so many failures |
//! | `l` | | a child never ends, and is cancelled |
//! | `m` | byte | how the errors that follow write their texts |
//! | `n` | text | the next child's name |
//! | `o` | | this nursery ends |
//! | `p` | byte, text | a child panics with a payload of this kind |
//!
//! See [`words`](super::words) for texts. `g\x03out` `n\x01x` `e\x02no` is a failure in a group.

use std::mem;

use arbitrary::{Result, Unstructured};
use nestling::JoinedError;

use super::fault::{Boxed, Endless, Fault, Manner, Needle};
use super::plan::{Child, End, Payload, Plan};
use super::words::text;

/// The steps of a case.
const STEPS: usize = 400;
/// The nurseries of one deep chain.
const DEEP: usize = 5_000;
/// The nurseries of all other chains together.
const LEVELS: usize = 60;
/// The failures in a chain beside the last child's: more levels than these have none.
const CHAIN_FAILURES: usize = 50;
/// The sources of one error: a few more than are searched. They drop each other recursively.
const CAUSES: usize = 1_100;
/// The characters of all repetitions together.
const REPEATED: usize = 4_000;

/// Runs what the bytes say. There is always a failure.
pub(crate) fn grow(u: &mut Unstructured<'_>) -> JoinedError<Fault> {
    let mut grower = Grower::default();
    for _ in 0..STEPS {
        if u.is_empty() || grower.step(u).is_err() {
            break;
        }
    }
    while !grower.around.is_empty() {
        grower.close();
    }
    if let Some(error) = mem::take(&mut grower.here).run() {
        return error;
    }
    let end = grower.error(String::new());
    Plan { children: vec![grower.child(end)], ..Plan::default() }.run().expect("its child fails")
}

struct Grower {
    /// Nurseries with the child that each will be, the outermost first.
    around: Vec<(Plan, Child)>,
    here: Plan,
    next: Child,
    cause: Option<Boxed>,
    /// How many the next error has so far.
    causes: usize,
    manner: Manner,
    faults: usize,
    levels: usize,
    may_be_deep: bool,
    repeated: usize,
}

impl Default for Grower {
    fn default() -> Self {
        Self {
            around: Vec::new(),
            here: Plan::default(),
            next: Child::default(),
            cause: None,
            causes: 0,
            manner: Manner::default(),
            faults: 0,
            levels: LEVELS,
            may_be_deep: true,
            repeated: REPEATED,
        }
    }
}

impl Grower {
    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match 0x60 | (u.arbitrary::<u8>()? & 0xf) {
            b'a' => self.next.cancels_itself = true,
            b'b' => {
                let text = self.text(u)?;
                self.here.body = Some(self.fault(text));
            }
            b'c' => self.chain(u.arbitrary()?),
            b'd' => self.add(End::Done),
            b'e' => {
                let text = self.text(u)?;
                let end = self.error(text);
                self.add(end);
            }
            b'f' => self.here.stop_after = Some(usize::from(u.arbitrary::<u8>()? % 8) + 1),
            b'g' => {
                let name = self.text(u)?;
                let child = mem::take(&mut self.next);
                let around = mem::replace(&mut self.here, Plan { name, ..Plan::default() });
                self.around.push((around, child));
            }
            b'h' => self.next.parting = Some(self.text(u)?),
            b'i' => self.next.late = (self.next.late + 1).min(5),
            b'j' => self.because(u)?,
            b'k' => self.here.keep = Some(usize::from(u.arbitrary::<u8>()? % 8) + 1),
            b'l' => self.add(End::Never),
            b'm' => {
                let manner = usize::from(u.arbitrary::<u8>()?);
                self.manner = Manner {
                    piece: (manner % 16).checked_sub(1).map(|less| less + 1),
                    fails: manner & 64 != 0,
                    deaf: manner & 128 != 0,
                };
            }
            b'n' => self.next.name = self.text(u)?,
            b'o' => self.close(),
            // The sixteenth: `p` is 0x70.
            _ => {
                let kind = u.arbitrary::<u8>()?;
                let text = self.text(u)?;
                let payload = self.payload(kind, text);
                self.add(End::Panic(payload));
            }
        }
        Ok(())
    }

    fn text(&mut self, u: &mut Unstructured<'_>) -> Result<String> {
        text(u, &mut self.repeated)
    }

    fn fault(&mut self, text: String) -> Fault {
        self.faults += 1;
        let cause = self.take_cause();
        Fault { number: self.faults, text, manner: self.manner, cause, asked: Default::default() }
    }

    fn error(&mut self, text: String) -> End {
        End::Error(self.fault(text))
    }

    fn because(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.arbitrary::<u8>()? {
            0xf0.. => {
                self.cause = Some(Box::new(Endless::default()));
                self.causes = 0;
            }
            many @ 128.. => {
                for _ in 0..10 * usize::from(many - 127) {
                    self.add_cause(1, String::new());
                }
            }
            kind => {
                let text = self.text(u)?;
                self.add_cause(kind % 3, text);
            }
        }
        Ok(())
    }

    fn add_cause(&mut self, kind: u8, text: String) {
        if self.causes == CAUSES {
            return;
        }
        self.causes += 1;
        self.faults += 1;
        let (number, cause) = (self.faults, self.cause.take());
        self.cause = Some(match kind {
            0 => Box::new(Needle::<0> { number, text, cause }),
            1 => Box::new(Needle::<1> { number, text, cause }),
            _ => Box::new(Needle::<2> { number, text, cause }),
        });
    }

    fn take_cause(&mut self) -> Option<Boxed> {
        self.causes = 0;
        self.cause.take()
    }

    fn payload(&mut self, kind: u8, text: String) -> Payload {
        match kind % 6 {
            0 => Payload::Text(text),
            1 => Payload::Static,
            2 => Payload::Number(kind),
            3 => Payload::Fault(self.fault(text)),
            4 => Payload::Boxed(Box::new(self.fault(text))),
            _ => {
                self.faults += 1;
                let cause = self.take_cause();
                Payload::Needle(Needle { number: self.faults, text, cause })
            }
        }
    }

    fn child(&mut self, end: End) -> Child {
        Child { end, ..mem::take(&mut self.next) }
    }

    fn add(&mut self, end: End) {
        let child = self.child(end);
        self.here.children.push(child);
    }

    /// Runs this nursery, and makes its error the group that a child of the one around is.
    fn close(&mut self) {
        if let Some((around, child)) = self.around.pop() {
            let here = mem::replace(&mut self.here, around);
            let end = here.run().map_or(End::Done, End::Group);
            self.here.children.push(Child { end, ..child });
        }
    }

    fn chain(&mut self, number: u16) {
        let levels = match number {
            0xdeea | 0xdeeb if mem::take(&mut self.may_be_deep) => DEEP,
            _ => usize::from(number % 20).min(self.levels),
        };
        self.levels = self.levels.saturating_sub(levels);
        let Some(mut child) = self.here.children.pop() else { return };
        let every = levels.div_ceil(CHAIN_FAILURES).max(1);
        for level in 0..levels {
            let mut children = vec![child];
            if number % 2 == 1 && level % every == 0 {
                let end = self.error(format!("level {level}"));
                children.insert(level % 2, Child { end, ..Child::default() });
            }
            let end = Plan { children, ..Plan::default() }.run().map_or(End::Done, End::Group);
            child = Child { end, ..Child::default() };
        }
        self.here.children.push(child);
    }
}
