//! How the picture looks, in the light and in the dark.
//!
//! Polls, wakes and waits differ in height and lightness too, queues have dashes, and marks their
//! shapes, so that colours are not needed to tell them apart. No variables and no nested rules are used, as programs
//! that are no browsers do not know them.

use std::collections::BTreeSet;
use std::fmt;

use super::child;
use super::layout::LEAST_FOR_MARKS;
use super::px::Px;

/// What has no colour.
const SHAPES: &str = "\
.nestling text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;white-space:pre}
.nestling .big{font-size:15px}
.nestling .big,.nestling .strong{font-weight:bold}
.nestling path{fill:none}
.nestling g rect{fill:none;pointer-events:all}
.nestling g path{stroke-width:1.5;pointer-events:none}
.nestling .q{stroke-dasharray:3 2}
.nestling .u{stroke-dasharray:1 3}
";

/// What is coloured, its property, and the colour in the light and in the dark.
const COLOURS: [(&str, &str, &str, &str); 13] = [
    (".page", "fill", "#ffffff", "#15181d"),
    ("text", "fill", "#1b1f24", "#e8eaed"),
    (".dim", "fill", "#586069", "#a3abb5"),
    ("text.bad", "fill", "#b3001b", "#ff9d94"),
    (".head", "fill", "#eef1f4", "#242a32"),
    (".grid", "stroke", "#dfe3e8", "#2f363f"),
    (".q", "stroke", "#9aa1a9", "#757d87"),
    (".u", "stroke", "#9aa1a9", "#757d87"),
    (".w", "stroke", "#9cc9ea", "#33608a"),
    (".k", "stroke", "#e69f00", "#f0b429"),
    (".p", "stroke", "#0063a6", "#7cc4f5"),
    ("path.bad", "stroke", "#b3001b", "#ff9d94"),
    ("path.off", "stroke", "#3c444d", "#c9d0d8"),
];

/// Writes the rules, with the widths for lanes of these heights.
pub(super) fn write(out: &mut dyn fmt::Write, lanes: &BTreeSet<u64>) -> fmt::Result {
    out.write_str("<style>\n")?;
    out.write_str(SHAPES)?;
    for lane in lanes {
        let bar = child::bar(*lane);
        // In tenths of the bar, but never too thin to be seen.
        for (class, tenths) in [("p", 10), ("k", 7), ("w", 4), ("q", 2), ("u", 2)] {
            let width = Px((bar * tenths / 10).max(10));
            writeln!(out, ".nestling .h{lane} .{class}{{stroke-width:{width}}}")?;
        }
        if *lane < LEAST_FOR_MARKS {
            // In place of a mark there is a block.
            let width = Px(bar);
            for class in ["bad", "off"] {
                writeln!(out, ".nestling .h{lane} g[data-child] .{class}{{stroke-width:{width}}}")?;
            }
        }
    }
    for (class, what, light, _) in COLOURS {
        writeln!(out, ".nestling {class}{{{what}:{light}}}")?;
    }
    out.write_str("@media (prefers-color-scheme:dark){\n")?;
    for (class, what, _, dark) in COLOURS {
        writeln!(out, ".nestling {class}{{{what}:{dark}}}")?;
    }
    out.write_str("}\n</style>\n")
}
