//! Messages that would break the line, the tree or the terminal.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::text::{Cut, MAX_MESSAGE, Message, Name, lines};

pub(super) fn escaped(text: impl fmt::Display) -> String {
    Name { text, chars: MAX_MESSAGE }.to_string()
}

#[test]
fn control_characters_and_line_ends_are_escaped() {
    assert_eq!(escaped("a\nb\r\tc\u{1b}[31m\0\u{85}"), r"a\nb\r\tc\u{1b}[31m\u{0}\u{85}");
    assert_eq!(escaped("\u{2028}\u{2029}"), r"\u{2028}\u{2029}");
}

#[test]
fn marks_of_direction_and_invisible_characters_are_escaped() {
    assert_eq!(escaped("\u{202e}a\u{2066}\u{200f}\u{61c}"), r"\u{202e}a\u{2066}\u{200f}\u{61c}");
    assert_eq!(escaped("\u{200b}\u{feff}\u{e0041}"), r"\u{200b}\u{feff}\u{e0041}");
}

#[test]
fn fillers_and_others_without_a_shape_are_escaped() {
    let text =
        "\u{34f}\u{115f}\u{1160}\u{17b4}\u{3164}\u{ffa0}\u{1bca0}\u{1d173}\u{e0080}\u{e01f0}";
    assert_eq!(escaped(text), text.escape_default().to_string());
    // They say how the character before them looks.
    let selectors = "\u{2764}\u{fe0f}\u{845b}\u{e0100}";
    assert_eq!(escaped(selectors), selectors);
}

#[test]
fn ordinary_text_of_any_script_stays_as_it_is() {
    let text = "naïve \"quotes\" \\ 取得 שלום 🦀";
    assert_eq!(escaped(text), text);
}

#[test]
fn escaping_twice_is_escaping_once() {
    let once = escaped("a\n\u{202e}b");
    assert_eq!(escaped(&once), once);
}

#[test]
fn a_message_is_cut_after_three_hundred_characters() {
    assert_eq!(escaped("é".repeat(300)), "é".repeat(300));
    assert_eq!(escaped("é".repeat(301)), "é".repeat(300) + "…");
}

#[test]
fn an_escape_is_never_cut_in_two() {
    let text = "a".repeat(298) + "\u{1b}b";
    assert_eq!(escaped(text), "a".repeat(298) + "…");
}

/// Writes pieces for ever, as long as it is let.
struct Endless(Cell<usize>);

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            self.0.set(self.0.get() + 1);
            f.write_str("0123456789")?;
        }
    }
}

#[test]
fn formatting_stops_at_the_cut() {
    let endless = Endless(Cell::new(0));
    assert_eq!(escaped(&endless), "0123456789".repeat(30) + "…");
    assert_eq!(endless.0.get(), 31);
}

#[test]
fn a_display_that_goes_on_after_the_cut_adds_nothing() {
    struct Deaf;
    impl fmt::Display for Deaf {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..100 {
                let _ = f.write_str("0123456789");
            }
            Ok(())
        }
    }
    assert_eq!(escaped(Deaf), "0123456789".repeat(30) + "…");
}

struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

#[test]
fn a_display_that_fails_does_not_become_a_panic() {
    let error = joined(0, vec![failed(0, "", Broken), failed(1, "", Broken)]);
    assert_eq!(error.to_string(), "2 of 2 children failed: #0: half…; #1: half…");
}

#[test]
fn a_writer_that_fails_is_told_so() {
    struct Full;
    impl fmt::Write for Full {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    assert!(write!(Full, "{}", Message::part("text")).is_err());
    assert!(write!(Full, "{}", joined(0, vec![failed(0, "", "no")])).is_err());
}

#[test]
fn no_message_breaks_the_line_or_the_tree() {
    for text in ["a\nb", "\u{1b}[2J", "\u{202e}gnp.exe", "", "\u{2028}", &"x".repeat(1 << 20)] {
        let error = named(text, 0, vec![failed(0, text, text), panicked(1, text.to_owned())]);
        // A message of two lines has two in the tree, and its `Debug` has one.
        let more = if text.contains('\n') { 2 } else { 0 };
        for (shown, lines) in [
            (error.to_string(), 1),
            (format!("{error:#}"), 3 + more),
            (format!("{error:?}"), 3 + more / 2),
        ] {
            assert_eq!(shown.lines().count(), lines, "{shown}");
            assert!(shown.len() < 2_000);
            assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "{shown}");
            assert!(shown.lines().all(|line| line == line.trim_end()), "{shown:?}");
        }
    }
}

#[test]
fn a_line_has_the_first_line_of_a_message() {
    let message = |text: &str| Message::part(text).to_string();
    assert_eq!(message("cannot build\n\nCaused by:\n    disk full"), "cannot build…");
    assert_eq!(message("\n  × oops  \r\n"), "× oops");
    assert_eq!(message("a\rb\tc"), r"a\rb    c");
}

#[test]
fn marks_of_colour_are_left_out_and_other_escapes_are_shown() {
    let message = |text: &str| Message::part(text).to_string();
    assert_eq!(message("\u{1b}[31;1mred\u{1b}[0m or not"), "red or not");
    assert_eq!(message("\u{1b}[2Jx\u{1b}]0;"), r"\u{1b}[2Jx\u{1b}]0;");
    assert_eq!(message("\u{1b}[3"), r"\u{1b}[3");
}

#[test]
fn the_lines_of_a_text_are_counted_and_none_is_blank() {
    let cut = Cut { chars: 5, lines: 3, backtraces: false };
    let of = |text: &str| lines(cut, |out| out.write_str(text));
    assert_eq!(of("a\n\n  b \r\nc\n"), ["a", "  b", "c"]);
    assert_eq!(of("  a\n b\n   c"), ["a", "b", " c"]);
    assert_eq!(of("a\nb\nc\nd"), ["a", "b", "c…"]);
    assert_eq!(of("abcdef\n123456\nx"), ["abcde…", "12345…", "x"]);
    assert_eq!(of("abcde "), ["abcde"]);
    assert_eq!(of("      a"), ["a"]);
    assert_eq!(of(""), [""; 0]);
    assert_eq!(of(" \n\t\n"), [""; 0]);
}

#[test]
fn backtraces_are_left_out_unless_asked_for() {
    let text = "no\n\nCaused by:\n    why\n\nStack backtrace:\n   0: main\n";
    let of = |backtraces| {
        let cut = Cut { chars: 300, lines: 30, backtraces };
        lines(cut, |out| out.write_str(text))
    };
    assert_eq!(of(false), ["no", "Caused by:", "    why"]);
    assert_eq!(of(true)[3..], ["Stack backtrace:", "   0: main"]);
    let text =
        "exit 101:\n}\nstack backtrace:\n   0: main\n             at a.rs:1\nnote: disk full\n";
    let cut = Cut { chars: 300, lines: 30, backtraces: false };
    assert_eq!(lines(cut, |out| out.write_str(text)), ["exit 101:", "}", "note: disk full"]);
}

#[test]
fn a_text_of_blank_or_cut_lines_without_end_is_given_up() {
    struct Blank(&'static str);
    impl fmt::Display for Blank {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str(self.0)?;
            }
        }
    }
    let marks = "\u{1b}[0m";
    for (text, shown) in [("\n", 0), (" ", 0), (marks, 0), ("x", 1), ("x\n", 30)] {
        let cut = Cut { chars: 5, lines: 30, backtraces: false };
        assert_eq!(lines(cut, |out| write!(out, "{}", Blank(text))).len(), shown, "{text:?}");
    }
}

#[test]
fn an_error_without_text_is_said_to_have_none() {
    let error = joined(0, vec![failed(0, "", ""), panicked(1, "")]);
    let line = "2 of 2 children failed: #0: (no message); #1: panicked: (no message)";
    assert_eq!(error.to_string(), line);
}

/// An error type that hides joined errors of its own, out of the reach of the tree.
enum Hidden {
    Within(JoinedError<Hidden>),
    End,
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(error) => error.fmt(f),
            Self::End => f.write_str("end"),
        }
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(error) => write!(f, "{error:#?}"),
            Self::End => f.write_str("end"),
        }
    }
}

fn hidden(depth: usize) -> JoinedError<Hidden> {
    let entry = |error| joined(0, vec![failed(0, "", error)]);
    (0..depth).fold(entry(Hidden::End), |error, _| entry(Hidden::Within(error)))
}

#[test]
fn joined_errors_hidden_in_an_error_type_are_shown_to_a_depth() {
    let shallow = hidden(1).to_string();
    assert_eq!(shallow, "1 of 1 child failed: #0: 1 of 1 child failed: #0: end");
    assert!(hidden(100).to_string().chars().count() < 400);
    let tree = format!("{:#}", hidden(100));
    assert_eq!(tree.lines().count(), 1 + 16, "{tree}");
    assert!(tree.ends_with("   …"), "{tree}");
    // On one line each is cut within the other, so look at how deep the structure goes.
    let deep = format!("{:#?}", hidden(100));
    assert_eq!(deep.matches("JoinedError").count(), 16);
    assert!(deep.contains('…') && !deep.contains("end"));
}

#[test]
fn hidden_joined_errors_share_the_total_of_the_tree_around() {
    fn wide(depth: usize) -> JoinedError<Hidden> {
        let error = |_| match depth {
            0 => Hidden::End,
            _ => Hidden::Within(wide(depth - 1)),
        };
        joined(0, (0..8).map(|number| failed(number, "", error(number))).collect())
    }
    let tree = format!("{:#}", wide(3));
    assert!(tree.lines().count() < 1_200, "{}", tree.lines().count());
}

#[test]
fn a_display_that_panics_leaves_the_depth_as_it_was() {
    struct Panicky;
    impl fmt::Display for Panicky {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            std::panic::resume_unwind(Box::new(()))
        }
    }
    let error = joined(0, vec![failed(0, "", Panicky)]);
    for _ in 0..20 {
        assert!(catch_unwind(AssertUnwindSafe(|| error.to_string())).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| format!("{error:#}"))).is_err());
    }
    assert_eq!(hidden(0).to_string(), "1 of 1 child failed: #0: end");
}
