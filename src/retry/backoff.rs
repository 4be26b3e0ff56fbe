//! Delays that grow.

use std::time::Duration;

/// Delays that grow: an iterator without an end.
///
/// The first delay is as given; each next is the one before times the [factor](Self::factor), and
/// none is longer than the [cap](Self::cap). Jitter makes a delay shorter and never longer, so it
/// keeps to the cap too. [`take`](Iterator::take) bounds the number of delays.
///
/// A clone goes on from where the original is. Two that were made in the same way, with the same
/// seed, are equal.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nestling::retry::Backoff;
///
/// let delays = Backoff::new(Duration::from_millis(100)).cap(Duration::from_millis(500)).take(5);
/// let millis: Vec<_> = delays.map(|delay| delay.as_millis()).collect();
/// assert_eq!(millis, [100, 200, 400, 500, 500]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it is an iterator of delays, and does nothing by itself"]
pub struct Backoff {
    /// Without jitter, and before the cap.
    next: Duration,
    factor: f64,
    cap: Duration,
    jitter: Jitter,
    /// The state of the generator.
    random: u64,
}

/// Which part of a delay is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jitter {
    None,
    /// The second half.
    Equal,
    Full,
}

impl Backoff {
    /// Delays that double, from `first` up to a minute, without jitter.
    pub fn new(first: Duration) -> Self {
        let cap = Duration::from_secs(60);
        Self { next: first, factor: 2.0, cap, jitter: Jitter::None, random: 0 }
    }

    /// Each delay is so many times the one before: 2 unless another factor is given, and 1 for
    /// delays that stay the same.
    ///
    /// # Panics
    ///
    /// If the factor is below 1, or is no number.
    #[track_caller]
    pub fn factor(mut self, factor: f64) -> Self {
        assert!(
            factor >= 1.0,
            "the factor of a backoff must be at least 1, so that delays do not shrink; it is {factor}"
        );
        self.factor = factor;
        self
    }

    /// No delay is longer than this, the first included: a minute unless another cap is given.
    pub fn cap(self, cap: Duration) -> Self {
        Self { cap, ..self }
    }

    /// The first half of each delay is waited for certain, the second is random.
    ///
    /// The seed decides which delays come: give each process and each child another, so that they
    /// do not come back all at once.
    pub fn equal_jitter(self, seed: u64) -> Self {
        Self { jitter: Jitter::Equal, random: seed, ..self }
    }

    /// Each delay is random, from nothing to all of it.
    ///
    /// For the seed see [`equal_jitter`](Self::equal_jitter).
    pub fn full_jitter(self, seed: u64) -> Self {
        Self { jitter: Jitter::Full, random: seed, ..self }
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let whole = self.next.min(self.cap);
        let grown = whole.as_secs_f64() * self.factor;
        // What no duration can hold is longer than any cap.
        self.next = Duration::try_from_secs_f64(grown).unwrap_or(Duration::MAX);
        let certain = match self.jitter {
            Jitter::None => return Some(whole),
            Jitter::Equal => whole / 2,
            Jitter::Full => Duration::ZERO,
        };
        // A fraction below 1: a delay is never longer for its jitter.
        Some(certain + (whole - certain).mul_f64(fraction(&mut self.random)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

/// A number from 0 up to 1, without 1: the next of SplitMix64 (Steele, Lea and Flood, 2014).
fn fraction(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    // As many bits as a float tells apart below 1.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_grow_up_to_the_cap_and_for_ever() {
        let mut backoff = Backoff::new(SECOND).factor(3.0).cap(10 * SECOND);
        let first: Vec<_> = backoff.by_ref().take(4).map(|delay| delay.as_secs()).collect();
        assert_eq!(first, [1, 3, 9, 10]);
        assert_eq!(backoff.nth(1_000), Some(10 * SECOND));
    }

    #[test]
    fn a_cap_below_the_first_delay_shortens_it_whenever_it_is_given() {
        assert_eq!(Backoff::new(90 * SECOND).next(), Some(60 * SECOND));
        assert_eq!(Backoff::new(90 * SECOND).cap(100 * SECOND).next(), Some(90 * SECOND));
        assert_eq!(Backoff::new(90 * SECOND).cap(SECOND).next(), Some(SECOND));
    }

    #[test]
    fn the_longest_durations_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::MAX).factor(f64::INFINITY).cap(Duration::MAX);
        assert_eq!(backoff.next(), Some(Duration::MAX));
        assert_eq!(backoff.next(), Some(Duration::MAX));
        let mut jittered = Backoff::new(Duration::MAX).cap(Duration::MAX).equal_jitter(1);
        assert!(jittered.next().is_some_and(|delay| delay >= Duration::MAX / 2));
        // Nothing times infinity is no number.
        let mut nothing = Backoff::new(Duration::ZERO).factor(f64::INFINITY);
        assert_eq!(nothing.next(), Some(Duration::ZERO));
    }

    #[test]
    fn jitter_keeps_to_its_part_of_the_delay_and_to_the_cap() {
        for seed in 0..200 {
            let plain = Backoff::new(SECOND).cap(10 * SECOND);
            let equal = plain.clone().equal_jitter(seed);
            let full = plain.clone().full_jitter(seed);
            for ((whole, equal), full) in plain.zip(equal).zip(full).take(20) {
                assert!(whole / 2 <= equal && equal <= whole, "{equal:?} of {whole:?}");
                assert!(full <= whole, "{full:?} of {whole:?}");
            }
        }
    }

    #[test]
    fn a_seed_decides_the_delays_and_they_are_spread() {
        let delays = |seed| Backoff::new(SECOND).factor(1.0).full_jitter(seed).take(1_000);
        assert!(delays(7).eq(delays(7)));
        assert!(delays(7).ne(delays(8)));
        let mean = delays(7).sum::<Duration>() / 1_000;
        assert!(Duration::from_millis(450) < mean && mean < Duration::from_millis(550), "{mean:?}");
    }

    #[test]
    #[should_panic(expected = "must be at least 1, so that delays do not shrink; it is 0.5")]
    fn a_factor_below_one_is_refused() {
        let _ = Backoff::new(SECOND).factor(0.5);
    }
}
