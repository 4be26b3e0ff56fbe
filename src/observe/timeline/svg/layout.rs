//! Where everything stands.

use std::collections::HashMap;

use super::child;
use super::groups::{Group, groups};
use super::lanes;
use super::px::Scale;
use crate::observe::timeline::recording::{ChildTrack, Recording};

/// All measures are in tenths of a pixel.
pub(super) const WIDTH: u64 = 12_000;
pub(super) const MARGIN: u64 = 120;
/// Of the time axis; on its left stands what the rows are.
pub(super) const LEFT: u64 = 2_620;
/// Of the axis, from the right side of the picture. In rows there is a text in between.
const RIGHT_OF_LANES: u64 = 320;
const RIGHT_OF_ROWS: u64 = 1_560;
/// Below the heading, the legend and the times of the axis.
pub(super) const TOP: u64 = 1_080;

/// So many children and nurseries have a row each.
const MOST_ROWS: usize = 60;
const INDENT: u64 = 140;
/// What is deeper is not indented further, so that there is room for its name.
const MOST_INDENTS: usize = 7;

const HEADING: u64 = 200;
const ROW: u64 = 170;
/// The height of the lane in a row.
pub(super) const ROW_LANE: u64 = 140;
/// A band has at least room for two lines.
const BAND: u64 = 310;
/// A line of marks above lanes that are too thin for them.
pub(super) const STRIP: u64 = 110;

/// After so many lanes the times of the axis stand between two lanes again.
const AXIS_EVERY: usize = 240;
const AXIS: u64 = 200;

/// The height of a lane that one of so many has, with the gap below it.
const LANES: [(usize, u64); 4] = [(12, 100), (40, 70), (120, 50), (usize::MAX, 30)];
/// In thinner lanes the marks have no room.
pub(super) const LEAST_FOR_MARKS: u64 = 70;

pub(super) struct Layout<'a> {
    pub(super) groups: Vec<Group<'a>>,
    pub(super) items: Vec<Item<'a>>,
    pub(super) scale: Scale,
    /// Where the last item ends.
    pub(super) bottom: u64,
}

pub(super) enum Item<'a> {
    Heading { group: usize, at: At },
    Row { child: &'a ChildTrack, at: At },
    Band(Band<'a>),
}

/// The left and the top of an item, and its height.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) height: u64,
}

/// The children of a group that one line of code spawned, in lanes.
pub(super) struct Band<'a> {
    pub(super) at: At,
    pub(super) group: usize,
    /// Each with its lane.
    pub(super) children: Vec<(&'a ChildTrack, usize)>,
    pub(super) lanes: usize,
    /// The top of the first lane.
    pub(super) lanes_y: u64,
    /// The height of a lane, with the gap below it.
    pub(super) lane: u64,
}

impl Band<'_> {
    /// The top of a lane.
    pub(super) fn y(&self, lane: usize) -> u64 {
        let axes = lane / AXIS_EVERY;
        self.lanes_y + lane as u64 * self.lane + axes as u64 * AXIS
    }

    /// Where the times of the axis stand between lanes.
    pub(super) fn axes(&self) -> impl Iterator<Item = u64> {
        (AXIS_EVERY..self.lanes).step_by(AXIS_EVERY).map(|lane| self.y(lane) - 60)
    }
}

pub(super) fn layout(recording: &Recording) -> Layout<'_> {
    let (groups, outermost) = groups(recording);
    let in_rows = recording.children.len() + recording.scopes.len() <= MOST_ROWS;
    let right = WIDTH - if in_rows { RIGHT_OF_ROWS } else { RIGHT_OF_LANES };
    let (from, to) = (recording.from, recording.to.max(recording.from));
    let mut layout = Layout {
        groups,
        items: Vec::new(),
        scale: Scale { left: LEFT, right, from, to },
        bottom: TOP,
    };
    // What is still to be placed, the next at the end: nurseries can be nested deeper than calls can.
    let mut open: Vec<Next<'_>> = outermost.into_iter().rev().map(Next::Group).collect();
    while let Some(next) = open.pop() {
        match next {
            Next::Child(child, depth) => {
                let at = layout.take(depth, ROW);
                layout.items.push(Item::Row { child, at });
            }
            Next::Group(group) => {
                let depth = layout.groups[group].depth;
                layout.bottom += 40;
                let at = layout.take(depth, HEADING);
                layout.bottom += 20;
                layout.items.push(Item::Heading { group, at });
                if in_rows {
                    open.extend(rows(&layout.groups[group]).into_iter().rev());
                } else {
                    layout.bands(group);
                    let inner = layout.groups[group].inner.iter().rev();
                    open.extend(inner.map(|(_, group)| Next::Group(*group)));
                }
            }
        }
    }
    layout.bottom += 60;
    layout
}

enum Next<'a> {
    Group(usize),
    Child(&'a ChildTrack, usize),
}

/// Each child, with what is inside it below it.
fn rows<'a>(group: &Group<'a>) -> Vec<Next<'a>> {
    let mut inner: HashMap<u64, Vec<usize>> = HashMap::new();
    for (child, group) in &group.inner {
        inner.entry(*child).or_default().push(*group);
    }
    let mut rows = Vec::new();
    for child in &group.children {
        rows.push(Next::Child(child, group.depth));
        rows.extend(inner.remove(&child.number).unwrap_or_default().into_iter().map(Next::Group));
    }
    rows
}

impl<'a> Layout<'a> {
    fn take(&mut self, depth: usize, height: u64) -> At {
        let x = MARGIN + depth.min(MOST_INDENTS) as u64 * INDENT;
        let at = At { x, y: self.bottom, height };
        self.bottom += height;
        at
    }

    /// A band for each line that spawned children of the group, in the order of the first.
    fn bands(&mut self, group: usize) {
        let mut bands: Vec<Vec<&'a ChildTrack>> = Vec::new();
        let mut by_line = HashMap::new();
        for child in &self.groups[group].children {
            let line = child.info.location();
            let band = *by_line.entry((line.file(), line.line())).or_insert(bands.len());
            if band == bands.len() {
                bands.push(Vec::new());
            }
            bands[band].push(child);
        }
        for children in bands {
            self.band(group, &children);
        }
    }

    fn band(&mut self, group: usize, children: &[&'a ChildTrack]) {
        let place = |lane| {
            let boxes = children.iter().map(|child| child::span(child, &self.scale, lane));
            lanes::pack(boxes)
        };
        // Thinner lanes have smaller marks, so that there may be fewer of them.
        let (lane, (places, count)) = LANES
            .into_iter()
            .map(|(most, lane)| (most, lane, place(lane)))
            .find(|(most, _, (_, count))| count <= most)
            .map(|(_, lane, places)| (lane, places))
            .expect("the last fits any number");
        let is_failure = |child: &&ChildTrack| child.ended.is_some_and(|(_, end)| end.is_failure());
        let strip =
            if lane < LEAST_FOR_MARKS && children.iter().any(is_failure) { STRIP } else { 0 };
        let depth = self.groups[group].depth;
        let at = self.take(depth, BAND);
        let band = Band {
            at,
            group,
            children: children.iter().copied().zip(places).collect(),
            lanes: count,
            lanes_y: at.y + strip + 20,
            lane,
        };
        self.bottom = self.bottom.max(band.y(count.saturating_sub(1)) + lane + 20);
        self.items.push(Item::Band(band));
    }
}
