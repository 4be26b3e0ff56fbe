//! The time axis.

use std::fmt;
use std::time::Duration;

use super::px::{Px, Scale};
use super::text::{self, COLUMN};
use crate::observe::timeline::units::Unit;
use crate::observe::width::text_width;

/// The most ticks after the first.
const MOST: u128 = 10;

/// Where there is a tick, and what stands there.
pub(super) fn ticks(scale: &Scale) -> Vec<(u64, String)> {
    let nanos = scale.nanos();
    let unit = Unit::of(nanos);
    let mut step = 1;
    let factors = [2, 5, 10];
    let mut factor = 0;
    let mut power = 1;
    while nanos / step > MOST {
        step = power * factors[factor];
        if factor == 2 {
            power *= 10;
        }
        factor = (factor + 1) % 3;
    }
    // As many decimals as the step has.
    let mut decimals = 0;
    while unit.nanos / 10_u128.pow(decimals) > 1 && step % (unit.nanos / 10_u128.pow(decimals)) != 0
    {
        decimals += 1;
    }
    (0..=nanos / step)
        .map(|tick| {
            let at = Duration::from_nanos(u64::try_from(tick * step).unwrap_or(u64::MAX));
            let number = tick * step / (unit.nanos / 10_u128.pow(decimals));
            let mut text = String::new();
            let _ = unit.write(&mut text, number, decimals, tick == 0);
            (scale.x(scale.from.saturating_add(at)), text)
        })
        .collect()
}

/// Writes the lines from `top` to `bottom`, with their times above and below.
pub(super) fn write(
    out: &mut dyn fmt::Write,
    scale: &Scale,
    (top, bottom): (u64, u64),
) -> fmt::Result {
    write!(out, "<path class=\"grid\" d=\"")?;
    for (x, _) in ticks(scale) {
        write!(out, "M{} {}V{}", Px(x), Px(top), Px(bottom))?;
    }
    writeln!(out, "\"/>")?;
    times(out, scale, top - 50)?;
    times(out, scale, bottom + 130)
}

/// Writes the times, which stand on `y`.
pub(super) fn times(out: &mut dyn fmt::Write, scale: &Scale, y: u64) -> fmt::Result {
    for (x, label) in ticks(scale) {
        let width = text_width(&label) as u64 * COLUMN;
        text::write(out, (x - width / 2, y), "dim", &label)?;
    }
    Ok(())
}
