//! Seeing what children do.

mod alarm;
mod at;
mod clock;
mod current;
mod findings;
mod human;
mod kinds;
mod observer;
mod places;
mod probe;
mod record;
mod scene;
mod seen;
mod snapshot;
mod timeline;
mod waker;
mod watch;
mod width;

pub use self::alarm::Alarm;
pub use self::at::{At, AtPlace};
pub use self::clock::{SystemClock, TimeSource};
pub use self::findings::{Finding, FindingKind, Thresholds};
pub use self::kinds::{EndKind, WokenBy};
pub use self::observer::{Observer, PollSeen};
pub(crate) use self::probe::Probe;
pub(crate) use self::record::{Record, SeenTraits, SlotWait};
pub(crate) use self::scene::{Lenses, Observed, Scene};
pub use self::seen::{SeenChild, SeenNursery};
pub use self::snapshot::{
    ChildSnapshot, ChildState, DriverState, LocationGroup, NurserySnapshot, Snapshot,
};
pub use self::timeline::{ChildTime, Segment, SegmentKind, Summary, Timeline};
pub use self::watch::Watch;
