//! What the fuzzer has found, made again without it: each file of the corpus is a test.

use std::fs;
use std::panic::catch_unwind;

use nestling_downstream::Fault;

#[path = "../fuzz/script.rs"]
mod script;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/channel");

#[test]
fn the_channel_passes_the_corpus() {
    let files: Vec<_> = fs::read_dir(CORPUS).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        script::check(&fs::read(file).unwrap(), Fault::None);
    }
}

#[test]
fn the_corpus_shows_the_faults() {
    for (file, fault, expected) in [
        ("lost_wake", Fault::LostWake, "the run has stalled"),
        ("double_drop", Fault::DoubleDrop, "dropped_twice: 1"),
    ] {
        let data = fs::read(format!("{CORPUS}/{file}")).unwrap();
        let payload = catch_unwind(|| script::check(&data, fault)).expect_err(file);
        let message = *payload.downcast::<String>().unwrap();
        assert!(message.contains(expected), "{message}");
    }
}
