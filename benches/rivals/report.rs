//! The tables that are printed: for people, or as JSON, an object a line.

use crate::machine;

pub struct Report {
    /// Each work only has to run: `-- --test`.
    pub test: bool,
    /// JSON is wanted: `-- --json`.
    json: bool,
    /// Only parts with this text in their title are wanted: `-- park`.
    filter: Option<String>,
}

pub enum Cell {
    /// A median, and the quartiles of the ratio of ours to it, where it is not ours.
    Figure { median: f64, ratio: Option<[f64; 3]> },
    /// A figure that is the same in each run.
    Exact { figure: f64, ratio: Option<f64> },
    /// What was seen.
    Text(String),
    /// The way cannot do the work.
    Cannot,
    /// The way takes too long for it.
    Slow,
}

pub struct Row {
    pub way: &'static str,
    pub cells: Vec<Cell>,
}

impl Report {
    pub fn from_args(title: &str) -> Self {
        let has = |wanted: &str| std::env::args().any(|arg| arg == wanted);
        // Cargo itself adds `--bench`.
        let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
        let report = Self { test: has("--test"), json: has("--json"), filter };
        let facts = machine::facts();
        if report.json {
            let facts = facts.iter().map(|(name, value)| format!("{}:{}", text(name), text(value)));
            let facts: Vec<_> = facts.collect();
            println!("{{\"table\":{},{}}}", text(title), facts.join(","));
        } else {
            println!("\n{title}");
            facts.iter().for_each(|(name, value)| println!("    {name}: {value}"));
        }
        report
    }

    /// So many, but few where each work only has to run.
    pub fn size(&self, size: usize) -> usize {
        if self.test { size.min(100) } else { size }
    }

    /// Prints a part of the table, if it is wanted.
    pub fn part(&self, title: &str, columns: &[&str], rows: impl FnOnce() -> Vec<Row>) {
        if self.filter.as_ref().is_some_and(|filter| !title.contains(filter)) {
            return;
        }
        let rows = rows();
        if self.json {
            self.print_json(title, columns, &rows);
        } else {
            self.print(title, columns, &rows);
        }
    }

    /// Prints what is to be known of the rows, unless only some parts are wanted.
    pub fn notes(&self, notes: &str) {
        if self.filter.is_none() && !self.json {
            println!("\n{}", notes.trim());
        }
    }

    fn print(&self, title: &str, columns: &[&str], rows: &[Row]) {
        let shown: Vec<Vec<String>> =
            rows.iter().map(|row| row.cells.iter().map(|cell| self.show(cell)).collect()).collect();
        let widths: Vec<usize> = (0..columns.len())
            .map(|at| {
                let cells = shown.iter().filter_map(|row| row.get(at)).map(|cell| length(cell));
                cells.chain([length(columns[at])]).max().unwrap_or(0)
            })
            .collect();
        println!();
        print_line(title, columns.iter().copied(), &widths);
        for (row, cells) in rows.iter().zip(&shown) {
            print_line(row.way, cells.iter().map(String::as_str), &widths);
        }
    }

    fn show(&self, cell: &Cell) -> String {
        match cell {
            Cell::Figure { .. } | Cell::Exact { .. } if self.test => "runs".into(),
            Cell::Figure { median, ratio: None } => format!("{:>7}", short(*median)),
            Cell::Figure { median, ratio: Some([low, middle, high]) } => {
                let spread = format!("({}–{})", short(*low), short(*high));
                format!("{:>7}  {:>5} {spread}", short(*median), short(*middle))
            }
            Cell::Exact { figure, ratio: None } => format!("{:>7}", short(*figure)),
            Cell::Exact { figure, ratio: Some(ratio) } => {
                format!("{:>7}  {:>5}", short(*figure), short(*ratio))
            }
            Cell::Text(text) => text.clone(),
            Cell::Cannot => format!("{:>7}", "–"),
            Cell::Slow => format!("{:>7}", "slow"),
        }
    }

    fn print_json(&self, title: &str, columns: &[&str], rows: &[Row]) {
        for row in rows {
            for (column, cell) in columns.iter().zip(&row.cells) {
                let cell = match cell {
                    Cell::Figure { .. } | Cell::Exact { .. } if self.test => "\"runs\":true".into(),
                    Cell::Figure { median, ratio: None } => format!("\"median\":{median}"),
                    Cell::Figure { median, ratio: Some([low, middle, high]) } => {
                        format!("\"median\":{median},\"ratio\":[{low},{middle},{high}]")
                    }
                    Cell::Exact { figure, ratio: None } => format!("\"exact\":{figure}"),
                    Cell::Exact { figure, ratio: Some(ratio) } => {
                        format!("\"exact\":{figure},\"ratio\":{ratio}")
                    }
                    Cell::Text(seen) => format!("\"seen\":{}", text(seen)),
                    Cell::Cannot => "\"cannot\":true".into(),
                    Cell::Slow => "\"slow\":true".into(),
                };
                let names = [("work", title), ("size", column), ("way", row.way)];
                let names = names.map(|(name, value)| format!("{}:{}", text(name), text(value)));
                println!("{{{},{cell}}}", names.join(","));
            }
        }
    }
}

fn print_line<'a>(name: &str, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    let cells = cells.zip(widths);
    let cells: String = cells
        .map(|(cell, width)| format!("   {cell}{}", " ".repeat(width - length(cell))))
        .collect();
    println!("{}", format!("{name:<36}{cells}").trim_end());
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn short(figure: f64) -> String {
    match figure {
        0.0..0.1 => format!("{figure:.3}"),
        0.1..10.0 => format!("{figure:.2}"),
        _ => format!("{figure:.0}"),
    }
}

/// A string of JSON.
fn text(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => json += &format!("\\u{:04x}", c as u32),
            c => json.push(c),
        }
    }
    json + "\""
}
