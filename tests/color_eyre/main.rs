//! The reports of color-eyre, apart: its hook is for the whole process.

use std::io;

use futures::executor::block_on;
use nestling::{JoinedError, Nursery};

#[test]
fn its_reports_are_shown_without_colour_and_show_every_failure() {
    color_eyre::install().unwrap();
    let mut nursery: Nursery<'_, (), eyre::Report> = Nursery::new();
    nursery.child().name("cache").spawn(async {
        let cause = io::Error::other("connection refused");
        Err(eyre::Report::new(cause).wrap_err("cannot fetch"))
    });
    let error: JoinedError<_> = block_on(nursery.join()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 of 1 child failed: #0 cache: cannot fetch: connection refused"
    );
    let tree = "\
nursery failed: 1 of 1 child, first #0
└─ #0 cache    0: cannot fetch
      1: connection refused";
    assert_eq!(format!("{:?}", error.tree().locations(false)), tree);

    let report = eyre::Report::new(error).wrap_err("starting");
    let line = "1 of 1 child failed: #0 cache: cannot fetch: connection refused";
    assert_eq!(format!("{report:#}"), format!("starting: {line}"));
}
