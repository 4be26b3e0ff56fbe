//! Messages that would break the line, the tree or the terminal.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::text::Escaped;

#[test]
fn control_characters_and_line_ends_are_escaped() {
    assert_eq!(
        Escaped("a\nb\r\tc\u{1b}[31m\0\u{85}").to_string(),
        r"a\nb\r\tc\u{1b}[31m\u{0}\u{85}"
    );
    assert_eq!(Escaped("\u{2028}\u{2029}").to_string(), r"\u{2028}\u{2029}");
}

#[test]
fn marks_of_direction_and_invisible_characters_are_escaped() {
    assert_eq!(
        Escaped("\u{202e}a\u{2066}\u{200f}\u{61c}").to_string(),
        r"\u{202e}a\u{2066}\u{200f}\u{61c}"
    );
    assert_eq!(Escaped("\u{200b}\u{feff}\u{e0041}").to_string(), r"\u{200b}\u{feff}\u{e0041}");
}

#[test]
fn fillers_and_others_without_a_shape_are_escaped() {
    let text =
        "\u{34f}\u{115f}\u{1160}\u{17b4}\u{3164}\u{ffa0}\u{1bca0}\u{1d173}\u{e0080}\u{e01f0}";
    let escaped = Escaped(text).to_string();
    assert_eq!(escaped, text.escape_default().to_string());
    // They say how the character before them looks.
    let selectors = "\u{2764}\u{fe0f}\u{845b}\u{e0100}";
    assert_eq!(Escaped(selectors).to_string(), selectors);
}

#[test]
fn ordinary_text_of_any_script_stays_as_it_is() {
    let text = "naïve \"quotes\" \\ 取得 שלום 🦀";
    assert_eq!(Escaped(text).to_string(), text);
}

#[test]
fn escaping_twice_is_escaping_once() {
    let once = Escaped("a\n\u{202e}b").to_string();
    assert_eq!(Escaped(&once).to_string(), once);
}

#[test]
fn a_message_is_cut_after_three_hundred_characters() {
    assert_eq!(Escaped("é".repeat(300)).to_string(), "é".repeat(300));
    assert_eq!(Escaped("é".repeat(301)).to_string(), "é".repeat(300) + "…");
}

#[test]
fn an_escape_is_never_cut_in_two() {
    let text = "a".repeat(298) + "\u{1b}b";
    assert_eq!(Escaped(text).to_string(), "a".repeat(298) + "…");
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
    assert_eq!(Escaped(&endless).to_string(), "0123456789".repeat(30) + "…");
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
    assert_eq!(Escaped(Deaf).to_string(), "0123456789".repeat(30) + "…");
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
    assert!(write!(Full, "{}", Escaped("text")).is_err());
    assert!(write!(Full, "{}", joined(0, vec![failed(0, "", "no")])).is_err());
}

#[test]
fn no_message_breaks_the_line_or_the_tree() {
    for text in ["a\nb", "\u{1b}[2J", "\u{202e}gnp.exe", "", "\u{2028}", &"x".repeat(1 << 20)] {
        let error = named(text, 0, vec![failed(0, text, text), panicked(1, text.to_owned())]);
        for (shown, lines) in
            [(error.to_string(), 1), (format!("{error:#}"), 3), (format!("{error:?}"), 3)]
        {
            assert_eq!(shown.lines().count(), lines, "{shown}");
            assert!(shown.len() < 2_000);
            assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "{shown}");
            assert!(shown.lines().all(|line| line == line.trim_end()), "{shown:?}");
        }
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
    assert_eq!(format!("{:#}", hidden(100)).lines().count(), 2);
    // On one line each is cut within the other, so look at how deep the structure goes.
    let deep = format!("{:#?}", hidden(100));
    assert_eq!(deep.matches("JoinedError").count(), 16);
    assert!(deep.contains('…') && !deep.contains("end"));
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
