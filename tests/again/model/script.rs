//! What happens.

use arbitrary::Arbitrary;

/// A supervisor, and what happens to it.
#[derive(Clone, Debug, Arbitrary)]
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
}

/// Each of the child with this number, modulo how many there are.
#[derive(Clone, Copy, Debug, Arbitrary)]
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

    pub(crate) fn stable(&self) -> u64 {
        u64::from(self.stable % 5) + 1
    }
}
