//! Units and counts as a person reads them.

use std::fmt;

/// The unit of a text.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) nanos: u128,
    name: &'static str,
}

impl Unit {
    /// The largest unit that goes into so many nanoseconds.
    pub(crate) fn of(nanos: u128) -> Self {
        let (nanos, name) = match nanos {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        Self { nanos, name }
    }

    /// Writes a number that is given in the last of its decimals.
    pub(crate) fn write(
        self,
        out: &mut dyn fmt::Write,
        number: u128,
        decimals: u32,
        trimmed: bool,
    ) -> fmt::Result {
        let one = 10_u128.pow(decimals);
        let (mut rest, mut decimals) = (number % one, decimals as usize);
        while trimmed && decimals > 0 && rest % 10 == 0 {
            (rest, decimals) = (rest / 10, decimals - 1);
        }
        write!(out, "{}", number / one)?;
        if decimals > 0 {
            write!(out, ".{rest:0decimals$}")?;
        }
        write!(out, " {}", self.name)
    }
}

/// `10,000`.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.char_indices() {
            if at > 0 && (digits.len() - at) % 3 == 0 {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::*;

    #[test]
    fn counts_have_a_comma_at_each_thousand() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(Count(count).to_string(), text);
        }
    }
}
