//! The tables that the benchmarks print: a row for each way, a figure and a ratio for each column.

pub(crate) struct Table {
    /// Each work only has to run: `-- --test`.
    pub(crate) test: bool,
    /// Only parts with this text in their title are wanted: `-- restart`.
    filter: Option<String>,
}

pub(crate) type Row<'a> = (&'a str, Vec<Option<f64>>);

impl Table {
    pub(crate) fn from_args() -> Self {
        let test = std::env::args().any(|arg| arg == "--test");
        // Cargo itself adds `--bench`.
        let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
        Self { test, filter }
    }

    /// So many, but few where each work only has to run.
    pub(crate) fn size(&self, size: usize) -> usize {
        if self.test { size.min(100) } else { size }
    }

    /// So many turns, but one where each work only has to run.
    pub(crate) fn turns(&self, turns: usize) -> usize {
        if self.test { 1 } else { turns }
    }

    /// Prints a part of the table, if it is wanted. Its first row is ours, which the ratios are of.
    pub(crate) fn part<'a>(
        &self,
        title: &str,
        columns: &[&str],
        measure: impl FnOnce() -> Vec<Row<'a>>,
    ) {
        if self.filter.as_ref().is_some_and(|filter| !title.contains(filter)) {
            return;
        }
        println!();
        print_line(title, columns.iter().map(|column| format!("{column:>18} {:>7}", "ratio")));
        let rows = measure();
        let ours: Vec<_> = rows.first().map(|(_, ours)| ours.clone()).unwrap_or_default();
        for (at, (name, figures)) in rows.iter().enumerate() {
            let cells = figures.iter().zip(&ours).map(|(figure, ours)| match (figure, ours) {
                (Some(_), _) if self.test => format!("{:>18} {:>7}", "runs", ""),
                (Some(figure), Some(ours)) if at > 0 => {
                    format!("{:>18} {:>7}", short(*figure), short(ours / figure))
                }
                (Some(figure), _) => format!("{:>18} {:>7}", short(*figure), ""),
                (None, _) => format!("{:>18} {:>7}", "-", ""),
            });
            print_line(name, cells);
        }
    }

    /// Prints what is to be known of the rows, unless only some parts are wanted.
    pub(crate) fn notes(&self, notes: &str) {
        if self.filter.is_none() {
            println!("{notes}");
        }
    }
}

fn print_line(name: &str, cells: impl Iterator<Item = String>) {
    let cells: String = cells.map(|cell| format!(" {cell}")).collect();
    println!("{}", format!("{name:<36}{cells}").trim_end());
}

fn short(figure: f64) -> String {
    match figure {
        0.0..0.1 => format!("{figure:.4}"),
        0.1..10.0 => format!("{figure:.2}"),
        _ => format!("{figure:.0}"),
    }
}
