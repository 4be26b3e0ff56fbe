//! The properties under `cargo test`: on the corpus, and on bytes that nobody has chosen.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs, panic};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{algebra, render};
use crate::model;
use crate::support::random_cases;

type Property = fn(&[u8]);

const PROPERTIES: [(&str, Property); 4] = [
    ("algebra", algebra::check),
    ("nursery", model::check_bytes),
    ("pool", model::pool::check_bytes),
    ("render", render::check),
];

/// Names the file of a case that fails.
fn replay(name: &str, property: Property, file: &Path) {
    let data = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if let Err(payload) = panic::catch_unwind(|| property(&data)) {
        eprintln!("`{name}` does not hold for {}", file.display());
        panic::resume_unwind(payload);
    }
}

/// The files in a directory, if there is such a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_the_fuzzers_keep_still_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !fuzz.exists() {
        // The published package has the tests and not the corpus. Written past what a test that
        // passes keeps to itself.
        writeln!(io::stderr(), "skipped: there is no {}", fuzz.display()).unwrap();
        return;
    }
    for (name, property) in PROPERTIES {
        let corpus = files(&fuzz.join("corpus").join(name));
        assert!(!corpus.is_empty(), "fuzz/corpus/{name} is empty");
        let artifacts = files(&fuzz.join("artifacts").join(name));
        corpus.iter().chain(&artifacts).for_each(|file| replay(name, property, file));
    }
}

#[test]
fn the_case_that_the_environment_names_holds() {
    if let Some(file) = env::var_os("NESTLING_FUZZ_CASE") {
        let file = PathBuf::from(file);
        PROPERTIES.iter().for_each(|(name, property)| replay(name, *property, &file));
    }
}

fn on_random_bytes(property: Property) {
    proptest!(random_cases(500), |(data in vec(any::<u8>(), 0..600))| property(&data));
}

#[test]
fn algebra_holds_for_random_bytes() {
    on_random_bytes(algebra::check);
}

#[test]
fn render_holds_for_random_bytes() {
    on_random_bytes(render::check);
}
