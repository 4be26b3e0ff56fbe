//! The table at the end: medians of this run, each divided by its rival's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Two benchmarks and how they should compare.
pub(crate) struct Row {
    work: &'static str,
    ours: &'static str,
    rival: &'static str,
    rival_is: &'static str,
    at_most: f64,
}

pub(crate) const ROWS: [Row; 5] = [
    Row {
        work: "ready at once",
        ours: "ready/nestling",
        rival: "ready/unordered",
        rival_is: "FuturesUnordered<BoxFuture>",
        at_most: 0.8,
    },
    Row {
        work: "park, woken once, handles",
        ours: "handles/nestling",
        rival: "handles/by_hand",
        rival_is: "Abortable<CatchUnwind<Box>>",
        at_most: 1.0,
    },
    Row {
        work: "park, woken once",
        ours: "parked/nestling",
        rival: "parked/unordered",
        rival_is: "FuturesUnordered<BoxFuture>",
        at_most: 1.15,
    },
    Row {
        work: "yield 4 times",
        ours: "yielding/nestling",
        rival: "yielding/unordered",
        rival_is: "FuturesUnordered<BoxFuture>",
        at_most: 0.6,
    },
    Row {
        work: "ready at once",
        ours: "ready/nestling",
        rival: "ready/join_set",
        rival_is: "tokio JoinSet, one thread",
        at_most: 0.25,
    },
];

/// Prints a line for each row and size. A row that was not measured since `start`, because of a
/// filter, says so.
pub(crate) fn print_ratios(rows: &[Row], sizes: &[usize], start: SystemTime) {
    println!(
        "\n{:<26} {:<28} {:>8} {:>9} {:>9} {:>6} {:>8}",
        "work", "rival", "children", "ns/child", "rival's", "ratio", "at most"
    );
    for row in rows {
        for &size in sizes {
            print!("{:<26} {:<28} {size:>8} ", row.work, row.rival_is);
            match (median(row.ours, size, start), median(row.rival, size, start)) {
                (Some(ours), Some(rival)) => {
                    let ratio = ours / rival;
                    let verdict = if ratio > row.at_most { "  missed" } else { "" };
                    println!("{ours:>9.1} {rival:>9.1} {ratio:>6.2} {:>8}{verdict}", row.at_most);
                }
                _ => println!("not measured"),
            }
        }
    }
}

/// The median of this run, in nanoseconds a child.
fn median(benchmark: &str, size: usize, start: SystemTime) -> Option<f64> {
    let folder = benchmark.replace('/', "_");
    let file = criterion_home()?.join(folder).join(size.to_string()).join("new/estimates.json");
    if fs::metadata(&file).ok()?.modified().ok()? < start {
        return None;
    }
    let estimates: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    Some(estimates["median"]["point_estimate"].as_f64()? / size as f64)
}

/// Where criterion keeps its results: beside the folder that holds this program.
fn criterion_home() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().map(|folder| folder.join("criterion")).find(|home| Path::is_dir(home))
}
