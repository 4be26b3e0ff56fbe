//! How stacks are shown.

use std::fmt;

use super::super::line::AwaitLine;
use super::super::tree::{Entry, write_tree};

fn line(function: &str, file: &str, line: u32) -> AwaitLine {
    AwaitLine {
        function: Some(function.to_owned()).filter(|function| !function.is_empty()),
        file: Some(file.to_owned()).filter(|file| !file.is_empty()),
        line: Some(line).filter(|&line| line > 0),
    }
}

/// Stacks of entries. An empty function and file stand for lines that were cut.
struct Shown<'a> {
    stacks: &'a [Vec<AwaitLine>],
    left_off: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_cut = |line: &AwaitLine| line.function.is_none() && line.file.is_none();
        let entry = |line| if is_cut(line) { Entry::Cut } else { Entry::Line(line) };
        write_tree(f, self.stacks.iter().map(|stack| stack.iter().map(entry)), self.left_off)
    }
}

fn tree(stacks: &[Vec<AwaitLine>], left_off: usize) -> String {
    Shown { stacks, left_off }.to_string()
}

#[test]
fn one_stack_is_a_column() {
    let stack = vec![line("app::serve", "/a/main.rs", 27), line("app::query", "/a/db.rs", 12)];
    assert_eq!(tree(&[stack], 0), "app::serve /a/main.rs:27\napp::query /a/db.rs:12");
}

#[test]
fn lines_in_common_are_told_once() {
    let serve = || line("app::serve", "/a/main.rs", 27);
    let both = || line("app::both", "/a/main.rs", 19);
    let query = || line("app::query", "/a/db.rs", 12);
    let stacks = [
        vec![serve(), both(), query(), line("app::connect", "/a/db.rs", 40)],
        vec![serve(), both(), query(), line("app::tell", "/a/db.rs", 7)],
        // The same function further down.
        vec![
            serve(),
            both(),
            line("app::both", "/a/main.rs", 21),
            line("app::wait", "/a/db.rs", 9),
        ],
        // The same again.
        vec![serve(), both(), query(), line("app::tell", "/a/db.rs", 7)],
    ];
    assert_eq!(
        tree(&stacks, 2),
        "\
app::serve /a/main.rs:27
app::both /a/main.rs:19
├─ app::query /a/db.rs:12
│  ├─ app::connect /a/db.rs:40
│  └─ app::tell /a/db.rs:7
└─ app::both /a/main.rs:21
   app::wait /a/db.rs:9
… and 2 more",
    );
}

#[test]
fn stacks_with_nothing_in_common_branch_at_the_top() {
    let stacks = [vec![line("a", "/a.rs", 1)], vec![line("", "", 0), line("b", "/b.rs", 2)]];
    assert_eq!(
        tree(&stacks, 0),
        "\
├─ a /a.rs:1
└─ …
   b /b.rs:2",
    );
}

#[test]
fn what_is_not_known_of_a_line_is_left_out() {
    assert_eq!(line("app::serve", "", 0).to_string(), "app::serve");
    assert_eq!(line("", "/a/main.rs", 3).to_string(), "/a/main.rs:3");
    assert_eq!(line("app::serve", "/a/main.rs", 0).to_string(), "app::serve /a/main.rs");
    assert_eq!(line("", "", 0).to_string(), "(unknown line)");
}

#[test]
fn a_file_below_the_working_directory_is_told_from_there() {
    let file = std::env::current_dir().unwrap().join("src/main.rs");
    assert_eq!(line("a", file.to_str().unwrap(), 3).to_string(), "a src/main.rs:3");
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(tree(&[], 0), "");
}

#[test]
fn a_tree_goes_to_another_thread_to_be_shown() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<super::AwaitTree>();
}
