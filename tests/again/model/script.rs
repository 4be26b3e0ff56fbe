//! What happens.

use arbitrary::{Arbitrary, Result, Unstructured};

/// A supervisor, and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) strategy: Way,
    pub(crate) auto: Auto,
    /// Of all children: restarts, and the seconds of the window.
    pub(crate) intensity: (u8, u8),
    pub(crate) children: Vec<Child>,
    pub(crate) events: Vec<Event>,
    /// Of the executor.
    pub(crate) seed: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub(crate) enum Way {
    OneForOne,
    OneForAll,
    RestForOne,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub(crate) enum Auto {
    Never,
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub(crate) enum Comes {
    Always,
    AfterFailures,
    Never,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
pub(crate) struct Child {
    pub(crate) comes: Comes,
    pub(crate) significant: bool,
    /// The seconds before its restarts: these two, and then the second again and again.
    pub(crate) delays: Option<(u8, u8)>,
    /// When it is stable.
    pub(crate) stable: u8,
    /// Of its own: restarts, and the seconds of the window.
    pub(crate) intensity: Option<(u8, u8)>,
    /// It has to say that it is up.
    pub(crate) says_ready: bool,
    /// It does not heed a stop, and is dropped so many seconds later.
    pub(crate) grace: Option<u8>,
}

/// Each of the child with this number, modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Fails(u8),
    Succeeds(u8),
    IsUp(u8),
    Stop(u8),
    Remove(u8),
    Restart(u8),
    Add(Child),
    /// So many seconds pass.
    Pass(u8),
    Shutdown,
}

impl<'a> Arbitrary<'a> for Script {
    /// The events take what is left of the bytes: so a long input is a long script.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let (strategy, auto, intensity) = bytes.arbitrary()?;
        let seed = bytes.arbitrary()?;
        let children = (0..bytes.int_in_range(0..=4)?).map(|_| bytes.arbitrary());
        let children = children.collect::<Result<_>>()?;
        let mut events = Vec::new();
        while bytes.len() > 1 && events.len() < 100 {
            events.push(bytes.arbitrary()?);
        }
        Ok(Self { strategy, auto, intensity, children, events, seed })
    }
}

impl<'a> Arbitrary<'a> for Event {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let (kind, of): (u8, u8) = bytes.arbitrary()?;
        Ok(match kind % 32 {
            0..8 => Self::Fails(of),
            8..10 => Self::Succeeds(of),
            10..14 => Self::IsUp(of),
            14..16 => Self::Stop(of),
            16 => Self::Remove(of),
            17..20 => Self::Restart(of),
            20..22 => Self::Add(bytes.arbitrary()?),
            22 if of < 64 => Self::Shutdown,
            _ => Self::Pass(of),
        })
    }
}

/// The restarts and the seconds of an intensity.
pub(crate) fn bounds((restarts, window): (u8, u8)) -> (u32, u64) {
    (u32::from(restarts % 4) + 1, u64::from(window % 8) + 1)
}

impl Child {
    /// The child as it is taken: none is significant that may not be.
    pub(crate) fn tame(mut self, auto: Auto) -> Self {
        self.significant &= self.comes != Comes::Always && auto != Auto::Never;
        self
    }

    pub(crate) fn delay(&self, at: usize) -> u64 {
        match (self.delays, at) {
            (None, _) => 0,
            (Some((first, _)), 0) => u64::from(first % 4),
            (Some((_, second)), _) => u64::from(second % 4),
        }
    }

    pub(crate) fn grace(&self) -> u64 {
        self.grace.map_or(0, |grace| u64::from(grace % 5))
    }

    pub(crate) fn stable(&self) -> u64 {
        u64::from(self.stable % 5) + 1
    }
}
