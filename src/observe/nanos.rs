//! A time in half the room of a [`Duration`], for what is kept of each child and each poll.

use std::time::Duration;

/// Nanoseconds. A time of more than 584 years is cut to that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Nanos(u64);

impl From<Duration> for Nanos {
    fn from(time: Duration) -> Self {
        let nanos = time.as_secs().checked_mul(1_000_000_000);
        let nanos = nanos.and_then(|nanos| nanos.checked_add(time.subsec_nanos().into()));
        Self(nanos.unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(Nanos(nanos): Nanos) -> Self {
        Self::from_nanos(nanos)
    }
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::Nanos;
    use std::time::Duration;

    #[test]
    fn a_time_is_kept_or_cut() {
        let most = Duration::from_nanos(u64::MAX);
        for time in [Duration::ZERO, Duration::new(7, 999_999_999), most] {
            assert_eq!(Duration::from(Nanos::from(time)), time);
        }
        for time in [most + Duration::from_nanos(1), Duration::MAX] {
            assert_eq!(Duration::from(Nanos::from(time)), most);
        }
    }
}
