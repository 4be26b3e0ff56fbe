//! `examples/checksum.rs`, beside the `sha256sum` that it speaks the language of.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::program::{Ended, run};

/// Sixty files in three folders, some with names that have to be escaped.
fn plant() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    for folder in ["a", "a/b", "c"] {
        fs::create_dir(tree.path().join(folder)).unwrap();
        for n in 0..20 {
            let name = format!("{folder}/file {n}");
            fs::write(tree.path().join(name), vec![n as u8; n * 10_000]).unwrap();
        }
    }
    fs::write(tree.path().join("c/two\nlines \\ and a\rreturn"), "escaped").unwrap();
    tree
}

fn sha256sum(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("sha256sum");
    let command = command.current_dir(directory).args(arguments).env("LC_ALL", "C");
    let ended = command.stderr(Stdio::null()).output().expect("coreutils has it");
    (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
}

fn checksum(directory: &Path, arguments: &[&str]) -> Ended {
    let directory = directory.to_str().unwrap();
    run("checksum", &[&["-C", directory], arguments].concat())
}

#[test]
fn its_sums_are_those_of_sha256sum_in_the_order_of_the_names() {
    let tree = plant();
    let ours = checksum(tree.path(), &["a", "c"]);
    assert_eq!(ours.code, Some(0), "{ours:?}");
    fs::write(tree.path().join("sums"), &ours.out).unwrap();
    assert_eq!(ours.out.lines().count(), 61);
    let (code, checked) = sha256sum(tree.path(), &["--check", "--strict", "sums"]);
    assert_eq!(code, Some(0), "{checked}");
    let names: Vec<_> = ours.out.lines().filter_map(|line| line.split_once("  ")).collect();
    let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names.first(), Some(&"a/b/file 0"));
}

#[test]
fn it_finds_fault_with_what_sha256sum_does() {
    let tree = plant();
    let at = |name: &str| tree.path().join(name);
    let (_, mut sums) = sha256sum(tree.path(), &["a/file 1", "a/file 2", "c/file 3", "c/file 4"]);
    sums += &sha256sum(tree.path(), &["-b", "a/b/file 5", "c/two\nlines \\ and a\rreturn"]).1;
    fs::write(at("SUMS"), sums).unwrap();
    fs::write(at("a/file 2"), "changed").unwrap();
    fs::remove_file(at("c/file 3")).unwrap();
    symlink("nowhere", at("c/file 3")).unwrap();
    fs::remove_file(at("c/file 4")).unwrap();
    symlink(at("c/file 4"), at("c/file 4")).unwrap();

    let list = at("SUMS");
    let ours = checksum(tree.path(), &["--check", list.to_str().unwrap()]);
    let (code, theirs) = sha256sum(tree.path(), &["--check", "SUMS"]);
    assert_eq!((ours.code, code), (Some(1), Some(1)), "{ours:?}");
    let ok = |out: &str| -> BTreeSet<String> {
        out.lines().filter_map(|line| line.strip_suffix(": OK")).map(String::from).collect()
    };
    assert_eq!(ok(&ours.out), ok(&theirs));
    assert_eq!(ok(&ours.out).len(), 3);
    let failed: Vec<_> = theirs.lines().filter(|line| line.contains(": FAILED")).collect();
    assert_eq!(failed.len(), 3);
    for line in failed {
        let (name, _) = line.split_once(": FAILED").unwrap();
        let told = ours.err.lines().filter(|line| line.contains(&format!(" {name}: "))).count();
        assert_eq!(told, 1, "{name} in {}", ours.err);
    }
    assert!(ours.err.contains("a/file 2: is not what it should be"), "{}", ours.err);
    assert!(ours.err.ends_with("6 files: 3 failed\n"), "{}", ours.err);
}

#[test]
fn with_folders_all_under_them_has_to_be_listed() {
    let tree = plant();
    let sums = checksum(tree.path(), &["a/b"]).out;
    let list = tree.path().join("a/b/SUMS");
    fs::write(&list, sums).unwrap();
    let list = list.to_str().unwrap();
    let all = checksum(tree.path(), &["--check", list, "--quiet", "a/b"]);
    assert_eq!((all.code, all.out.as_str()), (Some(0), ""), "{all:?}");
    let more = checksum(tree.path(), &["--check", list, "a"]);
    assert_eq!(more.code, Some(1));
    assert_eq!(more.err.matches("is not listed").count(), 20, "{}", more.err);
}

#[test]
fn every_line_that_is_none_is_named_and_the_others_are_checked() {
    let tree = plant();
    let (_, good) = sha256sum(tree.path(), &["a/file 1"]);
    let list = tree.path().join("SUMS");
    fs::write(&list, format!("# a remark\n\nhello\n{good}{}  x\n", "g".repeat(64))).unwrap();
    let run = checksum(tree.path(), &["--check", list.to_str().unwrap()]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), "a/file 1: OK\n"), "{run:?}");
    assert!(run.err.contains("SUMS: line 3 is no checksum"), "{}", run.err);
    assert!(run.err.contains("SUMS: line 5 is no checksum"), "{}", run.err);
}

#[test]
fn it_reads_tagged_lines_and_refuses_a_list_of_nothing_as_sha256sum_does() {
    let tree = plant();
    let list = tree.path().join("SUMS");
    let check = || {
        let ours = checksum(tree.path(), &["--check", list.to_str().unwrap()]);
        let (code, theirs) = sha256sum(tree.path(), &["--check", "SUMS"]);
        assert_eq!((ours.code, &ours.out), (code, &theirs), "{ours:?}");
        ours
    };
    let names = ["--tag", "a/file 1", "c/two\nlines \\ and a\rreturn"];
    fs::write(&list, sha256sum(tree.path(), &names).1).unwrap();
    assert_eq!(check().code, Some(0));
    fs::write(&list, "SHA256 (a/file 1) = 12\n").unwrap();
    assert!(check().err.contains("SUMS: line 1 is no checksum"));
    for nothing in ["", "# a remark\n"] {
        fs::write(&list, nothing).unwrap();
        assert!(check().err.contains("SUMS: lists no checksum"));
    }
}

#[test]
fn a_folder_that_is_not_there_and_a_pipe_are_failures_and_do_not_hang() {
    let tree = plant();
    let pipe = tree.path().join("c/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let run = checksum(tree.path(), &["c", "nowhere"]);
    assert_eq!((run.code, run.out.lines().count()), (Some(1), 21), "{run:?}");
    assert!(run.err.contains("c/pipe: is neither a file nor a folder"), "{}", run.err);
    assert!(run.err.contains("a folder cannot be read"), "{}", run.err);
}

#[test]
fn with_nothing_given_it_checks_a_tree_of_its_own_and_reports_three_faults() {
    let run = run("checksum", &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.out, "letter.txt: OK\nphotos/sea.raw: OK\n");
    for part in [
        "pool \"checksum\" failed: 3 of 5 items (2 completed)",
        "changed.txt: is not what it should be",
        "secret.txt: cannot be read",
        "link.txt: cannot be read",
        "5 files: 3 failed",
    ] {
        assert!(run.err.contains(part), "{part:?} is not in {}", run.err);
    }
}

#[test]
fn a_wrong_argument_exits_2_and_a_list_that_is_not_there_1() {
    for (arguments, code, says) in [
        (&["--jobs", "0"][..], 2, "the number of jobs is from 1 to 1024"),
        (&["--sha1"], 2, "invalid option '--sha1'"),
        (&["--check", "/nowhere/SUMS"], 1, "/nowhere/SUMS: cannot be read: No such file"),
    ] {
        let run = run("checksum", arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{run:?}");
        assert!(run.err.contains(says), "{says:?} is not in {run:?}");
    }
}
