//! The guide's pages read as they are meant to: what the compiler and rustdoc do not see.

use std::fs;
use std::path::{Path, PathBuf};

/// The Markdown files below a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

#[test]
fn each_table_has_a_head_and_as_many_cells_in_each_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = pages(&root.join("src/guide"));
    all.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)));
    let mut tables = 0;
    for page in &all {
        let text = fs::read_to_string(page).unwrap();
        let mut is_code = false;
        let mut columns = None;
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            is_code ^= line.starts_with("```");
            if is_code || !line.starts_with('|') {
                columns = None;
                continue;
            }
            let cells = line.replace("\\|", "").matches('|').count();
            let place = format!("{}:{}: {line}", page.display(), at + 1);
            match columns {
                Some(columns) => assert_eq!(cells, columns, "{place}"),
                None => {
                    let next = lines.get(at + 1).copied().unwrap_or_default();
                    assert!(next.starts_with("|---"), "a table without a head: {place}");
                    tables += 1;
                    columns = Some(cells);
                }
            }
        }
    }
    assert!(tables > 20, "{tables}");
}
