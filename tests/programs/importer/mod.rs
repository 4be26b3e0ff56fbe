//! Imports records into a database that is busy at times: it writes a few at once, tries again,
//! keeps the first failures and counts the others, and stops when the database is gone.

mod nested;
mod plain;

use std::collections::HashMap;
use std::io;
use std::num::ParseIntError;
use std::panic::catch_unwind;
use std::sync::Mutex;

use nestling::Report;
use smol::block_on;
use smol::io::Cursor;

const AT_ONCE: usize = 2;
const KEPT: usize = 3;
const TRIES: u32 = 3;

#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error("line {line}: cannot read it")]
    Read { line: usize, source: io::Error },
    #[error("line {line}: {text:?} is no record")]
    Parse { line: usize, text: String, source: ParseIntError },
    #[error("line {line}: gave up after {TRIES} tries")]
    Write { line: usize, source: DbError },
    #[error("line {line}: the database is gone")]
    Gone { line: usize },
}

impl ImportError {
    fn is_fatal(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }
}

#[derive(Debug, thiserror::Error)]
enum DbError {
    #[error("the database is busy")]
    Busy,
    #[error("the database is gone")]
    Gone,
}

/// A database that is busy as often as the amount says, and gone once it is asked for `GONE`.
#[derive(Default)]
struct Database {
    asked: Mutex<HashMap<u32, u32>>,
}

const GONE: u32 = 99;

impl Database {
    async fn write(&self, amount: u32) -> Result<(), DbError> {
        smol::future::yield_now().await;
        assert!(amount != 13, "a bug in the driver");
        let mut asked = self.asked.lock().unwrap();
        let asked = asked.entry(amount).or_default();
        *asked += 1;
        match amount {
            GONE => Err(DbError::Gone),
            _ if *asked <= amount => Err(DbError::Busy),
            _ => Ok(()),
        }
    }
}

/// Imports a line: parses it, and writes it, again if the database is busy.
async fn import(
    database: &Database,
    line: usize,
    text: io::Result<String>,
) -> Result<(), ImportError> {
    let text = text.map_err(|source| ImportError::Read { line, source })?;
    let amount = text.parse().map_err(|source| ImportError::Parse { line, text, source })?;
    let mut tries = 0;
    loop {
        tries += 1;
        match database.write(amount).await {
            Ok(()) => return Ok(()),
            Err(DbError::Busy) if tries < TRIES => {}
            Err(source @ DbError::Busy) => return Err(ImportError::Write { line, source }),
            Err(DbError::Gone) => return Err(ImportError::Gone { line }),
        }
    }
}

/// The database is gone at line 9, when line 10 is being written.
const LINES: &[u8] = b"0\n1\nx\n2\n5\n\xff\ny\n0\n99\n7\n0\n";

/// The driver panics at line 2.
const BUG: &[u8] = b"x\n13\n0\n";

/// Imports, and returns the result and the last progress.
fn import_plain(text: &[u8]) -> (plain::Imported, String) {
    let mut last = String::new();
    let database = Database::default();
    let imported = plain::run(&database, Cursor::new(text), |progress| last = progress);
    (block_on(imported), last)
}

fn import_nested(text: &[u8]) -> (Report<(), ImportError>, String) {
    let mut last = String::new();
    let database = Database::default();
    let imported = nested::run(&database, Cursor::new(text), |progress| last = progress);
    (block_on(imported), last)
}

#[test]
fn an_import_stops_when_the_database_is_gone() {
    let (imported, last) = import_plain(LINES);
    assert_eq!(
        imported.text(),
        "\
5 of 9 lines failed
  line 3: \"x\" is no record: invalid digit found in string
  line 5: gave up after 3 tries: the database is busy
  line 6: cannot read it: stream did not contain valid UTF-8
  line 9: the database is gone
  and 1 more",
    );
    assert_eq!(last, "9, 5 failed");

    let (report, last) = import_nested(LINES);
    assert_eq!(
        report.tree().locations(false).to_string(),
        "\
pool \"import\": 10 items: 4 completed, 5 failed, 1 cancelled \
(item #8 failed: line 9: the database is gone)
├─ #2    line 3: \"x\" is no record
│     caused by: invalid digit found in string
├─ #5    line 6: cannot read it
│     caused by: stream did not contain valid UTF-8
├─ #6    line 7: \"y\" is no record
│     caused by: invalid digit found in string
├─ #8    line 9: the database is gone
├─ … and 1 more
└─ #9    cancelled: item #8 failed: line 9: the database is gone",
    );
    assert_eq!(last, "10, 5 failed");
}

#[test]
fn an_import_goes_on_after_a_panic() {
    let panic = catch_unwind(|| import_plain(BUG)).err().unwrap();
    assert_eq!(panic.downcast_ref(), Some(&"a bug in the driver"));

    let (report, last) = import_nested(BUG);
    assert_eq!(
        report.tree().locations(false).to_string(),
        "\
pool \"import\": 3 items: 1 completed, 2 failed, 0 cancelled
├─ #0    line 1: \"x\" is no record
│     caused by: invalid digit found in string
└─ #1    panicked: a bug in the driver",
    );
    assert_eq!(last, "3, 2 failed");
}
