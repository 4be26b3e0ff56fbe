//! Times as a person reads them.

use std::fmt;
use std::time::Duration;

/// `320 ns`, `1.50 µs`, `31 ms`, `1.204 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
///
/// Rounded to three digits, and to milliseconds between one and ten seconds. Decimals that are all
/// zero are left out.
pub(crate) struct Human(pub(crate) Duration);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&text(self.0.as_nanos()))
    }
}

/// A unit up to minutes: its nanoseconds, its name, and how many decimals there are below which
/// number, counted in the last of them.
type Unit = (u128, &'static str, &'static [(u32, u128)]);

const UNITS: [Unit; 4] = [
    (1, "ns", &[(0, 1_000)]),
    (1_000, "µs", &[(2, 1_000), (1, 1_000), (0, 1_000)]),
    (1_000_000, "ms", &[(2, 1_000), (1, 1_000), (0, 1_000)]),
    (1_000_000_000, "s", &[(3, 10_000), (1, 600)]),
];

fn text(nanos: u128) -> String {
    for (unit, name, steps) in UNITS {
        for &(decimals, below) in steps {
            let one = 10_u128.pow(decimals);
            // What is rounded up to the limit belongs to the next step.
            let number = rounded(nanos * one, unit);
            if number >= below {
                continue;
            }
            let (whole, rest) = (number / one, number % one);
            return if rest == 0 {
                format!("{whole} {name}")
            } else {
                format!("{whole}.{rest:0width$} {name}", width = decimals as usize)
            };
        }
    }
    let seconds = rounded(nanos, 1_000_000_000);
    let (minutes, hours) = (rounded(seconds, 60), rounded(seconds, 3_600));
    if seconds < 3_600 {
        pair(seconds, 60, "min", "s")
    } else if minutes < 24 * 60 {
        pair(minutes, 60, "h", "min")
    } else {
        pair(hours, 24, "d", "h")
    }
}

fn rounded(number: u128, unit: u128) -> u128 {
    (number + unit / 2) / unit
}

fn pair(number: u128, per: u128, large: &str, small: &str) -> String {
    match (number / per, number % per) {
        (whole, 0) => format!("{whole} {large}"),
        (whole, rest) => format!("{whole} {large} {rest} {small}"),
    }
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::*;

    #[test]
    fn times_have_about_three_digits() {
        for (nanos, text) in [
            (0, "0 ns"),
            (1, "1 ns"),
            (320, "320 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (1_001, "1 µs"),
            (1_500, "1.50 µs"),
            (9_994, "9.99 µs"),
            (9_995, "10 µs"),
            (12_345, "12.3 µs"),
            (99_960, "100 µs"),
            (320_400, "320 µs"),
            (999_499, "999 µs"),
            (999_500, "1 ms"),
            (3_100_000, "3.10 ms"),
            (31_000_000, "31 ms"),
            (790_123_456, "790 ms"),
            (999_500_000, "1 s"),
            (1_204_000_000, "1.204 s"),
            (5_000_000_000, "5 s"),
            (9_999_500_000, "10 s"),
            (59_949_000_000, "59.9 s"),
            (59_950_000_000, "1 min"),
            (60_000_000_000, "1 min"),
            (200_000_000_000, "3 min 20 s"),
            (3_599_500_000_000, "1 h"),
            (7_500_000_000_000, "2 h 5 min"),
            (86_399_000_000_000, "1 d"),
            (273_600_000_000_000, "3 d 4 h"),
        ] {
            assert_eq!(Human(Duration::from_nanos(nanos)).to_string(), text);
        }
    }

    #[test]
    fn a_time_can_be_padded_and_be_the_longest() {
        assert_eq!(format!("{:>8}|", Human(Duration::from_millis(31))), "   31 ms|");
        assert_eq!(Human(Duration::MAX).to_string(), "213503982334601 d 7 h");
    }
}
