//! The table that a benchmark prints: a row for each work, a cell for each size.

/// One figure, and the rival's where there is one.
pub(crate) struct Cell {
    pub(crate) ours: f64,
    pub(crate) theirs: Option<f64>,
    /// Bounds the ratio, or our figure where it has no rival.
    pub(crate) at_most: f64,
}

pub(crate) struct Table {
    /// Each work only has to run: `-- --test`.
    pub(crate) test: bool,
    /// Only rows with this text in their work are wanted: `-- park`.
    filter: Option<String>,
}

impl Table {
    pub(crate) fn from_args() -> Self {
        let test = std::env::args().any(|arg| arg == "--test");
        // Cargo itself adds `--bench`.
        let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
        Self { test, filter }
    }

    /// Begins a part of the table: what its cells show, and of which sizes.
    pub(crate) fn head(&self, figure: &str, sizes: &[&str]) {
        let sizes = sizes.iter().map(|size| format!("  {size}"));
        let figures = format!("{figure:>7} {:>7} {:>5} {:<11}", "rival's", "ratio", "at most");
        println!();
        print_line("", "", sizes.clone());
        print_line("work", "rival", sizes.map(|_| figures.clone()));
    }

    /// Prints a row, if it is wanted. A cell that is `None` is left out.
    pub(crate) fn row(&self, work: &str, rival: &str, measure: impl FnOnce() -> Vec<Option<Cell>>) {
        if self.filter.as_ref().is_some_and(|filter| !work.contains(filter)) {
            return;
        }
        let cells = measure().into_iter().map(|cell| match cell {
            Some(_) if self.test => "   runs".into(),
            Some(cell) => cell.show(),
            None => "      -".into(),
        });
        print_line(work, rival, cells);
    }
}

fn print_line(work: &str, rival: &str, cells: impl Iterator<Item = String>) {
    let cells: String = cells.map(|cell| format!("  {cell:<33}")).collect();
    println!("{}", format!("{work:<36} {rival:<29}{cells}").trim_end());
}

impl Cell {
    fn show(&self) -> String {
        let (theirs, ratio, judged) = match self.theirs {
            Some(theirs) => {
                let ratio = self.ours / theirs;
                (short(theirs), format!("{ratio:.2}"), ratio)
            }
            None => ("-".into(), "-".into(), self.ours),
        };
        // To two places: 2.001 allocations a child are 2.
        let verdict = if (judged * 100.0).round() / 100.0 > self.at_most { "missed" } else { "" };
        let ours = short(self.ours);
        format!("{ours:>7} {theirs:>7} {ratio:>5} {:<4} {verdict:<6}", self.at_most)
    }
}

fn short(figure: f64) -> String {
    if figure < 10.0 { format!("{figure:.2}") } else { format!("{figure:.0}") }
}
