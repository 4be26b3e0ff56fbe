//! The marks at the ends of children. Each has a shape of its own, as not everyone sees colours.

use std::fmt;

use super::px::Px;
use crate::observe::EndKind;
use crate::observe::timeline::recording::ChildTrack;

/// What is marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mark {
    Failed,
    Panicked,
    TimedOut,
    Cancelled,
    Unfinished,
}

impl Mark {
    pub(super) const ALL: [Self; 5] =
        [Self::Failed, Self::Panicked, Self::TimedOut, Self::Cancelled, Self::Unfinished];

    pub(super) fn of(child: &ChildTrack) -> Option<Self> {
        match child.ended {
            None => Some(Self::Unfinished),
            Some((_, EndKind::Completed)) => None,
            Some((_, EndKind::Failed)) => Some(Self::Failed),
            Some((_, EndKind::Panicked)) => Some(Self::Panicked),
            Some((_, EndKind::TimedOut)) => Some(Self::TimedOut),
            Some((_, EndKind::Cancelled)) => Some(Self::Cancelled),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
            Self::Unfinished => "unfinished",
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Failed | Self::Panicked | Self::TimedOut => "bad",
            Self::Cancelled | Self::Unfinished => "off",
        }
    }

    /// Writes the mark as a path from `x` on, as wide and as high as `size`, around `y`.
    pub(super) fn write(self, out: &mut dyn fmt::Write, x: u64, y: u64, size: u64) -> fmt::Result {
        let (half, s) = (Px(size / 2), Px(size / 2 * 2));
        let (left, top) = (Px(x), Px(y - size / 2));
        write!(out, "<path class=\"{}\" d=\"", self.class())?;
        match self {
            // A cross.
            Self::Failed => write!(out, "M{left} {top}l{s} {s}m0-{s}l-{s} {s}"),
            // A triangle.
            Self::Panicked => write!(out, "M{left} {}h{s}l-{half}-{s}z", Px(y + size / 2)),
            // An hourglass.
            Self::TimedOut => write!(out, "M{left} {top}h{s}l-{s} {s}h{s}z"),
            // A circle with a bar.
            Self::Cancelled => {
                let r = half;
                write!(out, "M{left} {}a{r} {r} 0 0 1 {s} 0a{r} {r} 0 0 1-{s} 0h{s}", Px(y))
            }
            // Two tips to the right.
            Self::Unfinished => {
                write!(
                    out,
                    "M{left} {top}l{half} {half}l-{half} {half}m{half}-{s}l{half} {half}l-{half} {half}"
                )
            }
        }?;
        writeln!(out, "\"/>")
    }
}
