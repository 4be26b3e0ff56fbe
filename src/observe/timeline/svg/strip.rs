//! Marks where children failed, in a line above lanes that are too thin for marks.

use std::fmt;

use super::layout::{Band, STRIP};
use super::marks::Mark;
use super::px::{Px, Scale};
use super::text::Xml;
use crate::observe::timeline::recording::ChildTrack;
use crate::observe::timeline::units::Count;

const SIZE: u64 = 60;
/// From one mark to the next, at least.
const STEP: u64 = 90;

/// Writes a mark for each failure. Of those that would be drawn over each other the first is there,
/// and says how many they are.
pub(super) fn write(out: &mut dyn fmt::Write, scale: &Scale, band: &Band<'_>) -> fmt::Result {
    let failures = band.children.iter().filter_map(|&(child, _)| {
        let (at, _) = child.ended.filter(|(_, end)| end.is_failure())?;
        Some((scale.x(at), child))
    });
    let mut failures: Vec<(u64, &ChildTrack)> = failures.collect();
    failures.sort_by_key(|(x, child)| (*x, child.number));
    let top = band.lanes_y - STRIP;
    let mut rest = failures.as_slice();
    while let [(x, first), ..] = rest {
        let (near, far) = rest.split_at(rest.partition_point(|(other, _)| *other < x + STEP));
        rest = far;
        let Some(mark) = Mark::of(first) else { continue };
        write!(out, "<g><title>")?;
        if near.len() > 1 {
            write!(out, "{} failures, the first is ", Count(near.len() as u64))?;
        }
        write!(out, "{} {}</title>", Xml(first.info.label()), mark.word())?;
        let (size, height) = (Px(SIZE), Px(STRIP - 20));
        write!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{size}\" height=\"{height}\"/>",
            Px(*x),
            Px(top)
        )?;
        mark.write(out, *x, top + STRIP / 2 - 10, SIZE)?;
        writeln!(out, "</g>")?;
    }
    Ok(())
}
