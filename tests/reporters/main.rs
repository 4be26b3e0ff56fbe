//! What people report errors with, exactly: what a joined error of theirs shows, and what they make
//! of a joined error.

mod diagnostics;

use std::error::Error;
use std::fmt::{Debug, Display};
use std::io;

use futures::executor::block_on;
use nestling::{JoinedError, Nursery};

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("cannot fetch the {what}")]
    Io {
        what: &'static str,
        #[source]
        cause: io::Error,
    },
    #[error("too old")]
    Old,
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused")
}

fn cannot_fetch() -> FetchError {
    FetchError::Io { what: "cache", cause: refused() }
}

/// Of three children two fail.
fn join<E: Send + 'static>(nursery: Nursery<'_, (), E>, fails: impl Fn() -> E) -> JoinedError<E> {
    let mut nursery = nursery;
    for (name, error) in [("cache", Some(fails())), ("queue", None), ("store", Some(fails()))] {
        nursery.child().name(name).spawn(async { error.map_or(Ok(()), Err) });
    }
    block_on(nursery.join()).unwrap_err()
}

/// The text without the lines and columns of this file.
fn plain(text: impl ToString) -> String {
    let text = text.to_string();
    let mut parts = text.split(file!());
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
        plain += "HERE";
        plain += rest;
    }
    plain
}

#[track_caller]
fn shows<E: Display + Debug>(error: &JoinedError<E>, line: &str, tree: &str, debug: &str) {
    assert_eq!(plain(error), format!("2 of 3 children failed: #0 cache: {line}; #2 store: {line}"));
    let of = |text: &str| {
        let lines = |trunk: &str| text.replace('\n', &format!("\n{trunk}     "));
        format!(
            "nursery failed: 2 of 3 children (1 completed), first #0, spawned at HERE\n\
             ├─ #0 cache    {}\n└─ #2 store    {}",
            lines("│"),
            lines(" "),
        )
    };
    assert_eq!(plain(format!("{error:#}")), of(tree));
    assert_eq!(plain(format!("{error:?}")), of(debug));
}

#[test]
fn thiserror_tells_its_sources_where_the_nursery_is_told_to() {
    let debug = "Io { what: \"cache\", cause: Custom { kind: ConnectionRefused, error: \
                 \"connection refused\" } }";
    let error = join(Nursery::new(), cannot_fetch);
    shows(&error, "cannot fetch the cache", "cannot fetch the cache", debug);
    let error = join(Nursery::new().sources(), cannot_fetch);
    shows(
        &error,
        "cannot fetch the cache: connection refused",
        "cannot fetch the cache\ncaused by: connection refused",
        debug,
    );
    let error = join(Nursery::new().sources(), || FetchError::Old);
    shows(&error, "too old", "too old", "Old");
}

#[test]
fn boxed_errors_tell_their_sources_where_the_nursery_is_told_how() {
    let nursery: Nursery<'_, (), Box<dyn Error + Send + Sync>> =
        Nursery::new().sources_by(|error| error.source());
    let error = join(nursery, || cannot_fetch().into());
    shows(
        &error,
        "cannot fetch the cache: connection refused",
        "cannot fetch the cache\ncaused by: connection refused",
        "Io { what: \"cache\", cause: Custom { kind: ConnectionRefused, error: \
         \"connection refused\" } }",
    );
}

#[test]
fn anyhow_tells_its_chain() {
    let error = join(Nursery::new(), || anyhow::Error::new(refused()).context("cannot fetch"));
    shows(
        &error,
        "cannot fetch: connection refused",
        "cannot fetch: connection refused",
        "cannot fetch\nCaused by:\n    connection refused",
    );
    // Once, also where it is told how errors lead to their sources.
    let nursery = Nursery::new().sources_by(|error: &anyhow::Error| error.source());
    let error = join(nursery, || anyhow::Error::new(refused()).context("cannot fetch"));
    assert!(error.to_string().ends_with("#2 store: cannot fetch: connection refused"));
    assert!(!format!("{error:#}").contains("caused by"));
}

#[test]
fn eyre_tells_its_chain() {
    let error = join(Nursery::new(), || eyre::Report::new(refused()).wrap_err("cannot fetch"));
    shows(
        &error,
        "cannot fetch: connection refused",
        "cannot fetch: connection refused",
        "cannot fetch\nCaused by:\n    connection refused\nLocation:\n    HERE",
    );
}

#[test]
fn miette_tells_its_chain() {
    use miette::{IntoDiagnostic, WrapErr};
    let fails = || Err::<(), _>(refused()).into_diagnostic().wrap_err("cannot fetch").unwrap_err();
    let error = join(Nursery::new(), fails);
    shows(
        &error,
        "cannot fetch: connection refused",
        "cannot fetch: connection refused",
        "× cannot fetch\n╰─▶ connection refused",
    );
}

#[test]
fn rootcause_tells_its_report() {
    let error = join(Nursery::new(), || rootcause::report!(refused()).context("cannot fetch"));
    shows(
        &error,
        "● cannot fetch…",
        "● cannot fetch\n├ HERE\n│\n● connection refused\n╰ HERE",
        "● \"cannot fetch\"\n├ HERE\n│\n● Custom { kind: ConnectionRefused, error: \"connection \
         refused\" }\n╰ HERE",
    );
}

#[test]
fn error_stack_tells_its_chain() {
    error_stack::Report::set_color_mode(error_stack::fmt::ColorMode::None);
    let error = join(Nursery::new(), || {
        error_stack::Report::new(refused()).change_context(FetchError::Old)
    });
    let error =
        error.map(|report| NoBacktrace(plain(format!("{report:#}")), format!("{report:?}")));
    shows(
        &error,
        "too old: connection refused",
        "too old: connection refused",
        "too old\n├╴at HERE\n│\n╰─▶ connection refused\n    ╰╴at HERE",
    );
}

/// A report whose `Debug` does not say how many backtraces it has: that depends on the environment.
struct NoBacktrace(String, String);

impl Display for NoBacktrace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for NoBacktrace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.1.replace("├╴at", "╰╴at").replacen("╰╴at", "├╴at", 1);
        f.write_str(
            &text.replace("\n        ╰╴backtrace (1)", "").replace("\n    ╰╴backtrace (1)", ""),
        )
    }
}

#[test]
fn backtraces_are_shown_where_they_are_asked_for() {
    #[derive(thiserror::Error)]
    #[error("no")]
    struct Traced;
    impl Debug for Traced {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no\n\nStack backtrace:\n   0: main\n")
        }
    }
    let error = join(Nursery::new(), || Traced);
    shows(&error, "no", "no", "no");
    let shown = format!("{:?}", error.tree().backtraces(true));
    assert!(plain(&shown).ends_with("no\n      Stack backtrace:\n         0: main"), "{shown}");
}

#[test]
fn reporters_show_every_failure_of_a_joined_error_and_what_it_was_caused_by() {
    let joined = || join(Nursery::new().sources(), cannot_fetch);
    let line = "2 of 3 children failed: #0 cache: cannot fetch the cache: connection refused; \
                #2 store: cannot fetch the cache: connection refused";
    let report = anyhow::Error::new(joined()).context("starting");
    assert_eq!(format!("{report:#}"), format!("starting: {line}"));
    let debug = format!("{report:?}");
    assert!(debug.starts_with(&format!("starting\n\nCaused by:\n    {line}")), "{debug}");

    let report = eyre::Report::new(joined()).wrap_err("starting");
    assert_eq!(format!("{report:#}"), format!("starting: {line}"));
    let debug = format!("{report:?}");
    assert!(debug.starts_with(&format!("starting\n\nCaused by:\n    {line}")), "{debug}");

    let report = {
        use miette::{IntoDiagnostic, WrapErr};
        Err::<(), _>(joined()).into_diagnostic().wrap_err("starting").unwrap_err()
    };
    assert_eq!(format!("{report:#}"), format!("starting: {line}"));
    let words: Vec<_> = line.split(' ').collect();
    let debug = format!("{report:?}").replace('\n', " ");
    let shown: Vec<_> = debug.split_whitespace().collect();
    assert_eq!(shown[..2], ["×", "starting"]);
    assert_eq!(shown[3..], words, "wrapped at the width of a terminal");

    let report = rootcause::report!(joined()).context("starting");
    assert_eq!(plain(report).trim(), format!("● starting\n ├ HERE\n │\n ● {line}\n ╰ HERE"));

    let report = error_stack::Report::new(joined()).change_context(FetchError::Old);
    assert_eq!(format!("{report:#}"), format!("too old: {line}"));

    let report: Box<dyn Error + Send + Sync> = joined().into();
    assert_eq!(report.to_string(), line);
    assert!(report.source().is_none(), "all of it is in the text");
    assert_eq!(
        plain(format!("{report:#}")),
        "\
nursery failed: 2 of 3 children (1 completed), first #0, spawned at HERE
├─ #0 cache    cannot fetch the cache
│     caused by: connection refused
└─ #2 store    cannot fetch the cache
      caused by: connection refused"
    );
}

#[test]
fn a_joined_error_that_went_through_a_reporter_is_found_and_is_a_subtree() {
    async fn boot() -> anyhow::Result<()> {
        use anyhow::Context;
        let mut nursery: Nursery<'_, (), anyhow::Error> = Nursery::new().name("boot");
        nursery.child().name("db").spawn(async { Err(refused()).context("cannot connect") });
        nursery.child().name("log").spawn(async { anyhow::bail!("disk full") });
        nursery.join().await.context("starting")?;
        Ok(())
    }
    let mut nursery: Nursery<'_, (), anyhow::Error> = Nursery::new();
    nursery.child().name("service").spawn(boot());
    let error = block_on(nursery.join()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 of 1 child failed: #0 service: starting: nursery \"boot\": 2 of 2 children failed: \
         #0 db: cannot connect: connection refused; #1 log: disk full"
    );
    assert_eq!(
        error.tree().locations(false).to_string(),
        "\
nursery failed: 1 of 1 child, first #0
└─ #0 service    starting: nursery \"boot\" failed: 2 of 2 children, first #0
   ├─ #0 db      cannot connect: connection refused
   └─ #1 log     disk full"
    );
    let cause = error.find_with::<io::Error>(|error| error.as_ref()).unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.find_with::<FetchError>(|error| error.as_ref()).is_none());
}
