//! A recording as a picture: a chart with the time from left to right and a bar for each child.
//!
//! What it shows comes in this order: [`groups`] finds what is below which heading, [`layout`] finds
//! where everything stands, and the others write it.

mod axis;
mod child;
mod groups;
mod heads;
mod lanes;
mod layout;
mod marks;
mod px;
mod strip;
mod style;
#[cfg(all(test, not(nestling_loom)))]
mod tests;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use self::child::Style;
use self::layout::{Band, Item, LEAST_FOR_MARKS, Layout, ROW_LANE, TOP, WIDTH};
use self::px::Px;
use super::recording::Recording;

/// Writes the picture as an SVG file that needs no other file. The same recording is always the same
/// text.
pub(crate) fn svg(recording: &Recording, out: &mut dyn fmt::Write) -> fmt::Result {
    let layout = layout::layout(recording);
    let is_empty = recording.scopes.is_empty() && recording.children.is_empty();
    let height = if is_empty { 800 } else { layout.bottom + 240 };
    let (width, height) = (Px(WIDTH), Px(height));
    write!(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"nestling\"")?;
    write!(out, " width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"")?;
    writeln!(out, " aria-label=\"timeline\">")?;
    style::write(out, &lanes(&layout))?;
    writeln!(out, "<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>")?;
    if is_empty {
        heads::nothing(out, recording)?;
    } else {
        let gap = child::gap(recording, &layout.scale);
        heads::heading(out, recording)?;
        heads::legend(out, recording, layout.scale.time(gap))?;
        axis::write(out, &layout.scale, (TOP, layout.bottom))?;
        items(out, &layout, &Style { scale: &layout.scale, gap })?;
    }
    writeln!(out, "</svg>")
}

/// The heights of lanes that are in the picture.
fn lanes(layout: &Layout<'_>) -> BTreeSet<u64> {
    let lanes = layout.items.iter().filter_map(|item| match item {
        Item::Heading { .. } | Item::Row { .. } => None,
        Item::Band(band) => Some(band.lane),
    });
    // The legend is drawn as a row.
    lanes.chain([ROW_LANE]).collect()
}

fn items(out: &mut dyn fmt::Write, layout: &Layout<'_>, style: &Style<'_>) -> fmt::Result {
    for item in &layout.items {
        match item {
            Item::Heading { group, at } => {
                heads::group(out, &layout.groups[*group], *at)?;
            }
            Item::Row { child, at } => {
                heads::row(out, child, *at, &layout.scale)?;
                writeln!(out, "<g class=\"h{ROW_LANE}\">")?;
                child::write(out, child, style, (at.y + 30, ROW_LANE))?;
                writeln!(out, "</g>")?;
            }
            Item::Band(band) => write_band(out, layout, style, band)?,
        }
    }
    Ok(())
}

fn write_band(
    out: &mut dyn fmt::Write,
    layout: &Layout<'_>,
    style: &Style<'_>,
    band: &Band<'_>,
) -> fmt::Result {
    heads::band(out, &layout.groups[band.group], band)?;
    for y in band.axes() {
        axis::times(out, &layout.scale, y)?;
    }
    if band.lane < LEAST_FOR_MARKS {
        strip::write(out, &layout.scale, band)?;
    }
    writeln!(out, "<g class=\"h{}\">", band.lane)?;
    for (child, lane) in &band.children {
        child::write(out, child, style, (band.y(*lane), band.lane))?;
    }
    writeln!(out, "</g>")
}
