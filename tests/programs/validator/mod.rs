//! Validates a configuration: it makes all checks of all sections at once, and reports every
//! problem, grouped by section, with the exit code 1.

mod nested;
mod plain;

use std::collections::HashMap;
use std::io;
use std::num::ParseIntError;
use std::panic::catch_unwind;

use smol::block_on;

/// A section: its name, and its keys with their values.
struct Section<'a> {
    name: &'a str,
    values: HashMap<&'a str, &'a str>,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{key} is missing")]
    Missing { key: &'static str },
    #[error("{key} = {value} is no number")]
    Number { key: &'static str, value: String, source: ParseIntError },
    #[error("port {port} is that of {other}, too")]
    Taken { port: String, other: String },
    #[error("cannot reach {address}")]
    Unreachable { address: String, source: io::Error },
    #[error("cannot read {path}")]
    Unreadable { path: String, source: io::Error },
}

/// The checks that each section has to pass.
const CHECKS: [&str; 4] = ["port", "workers", "upstream", "certificate"];

fn parse(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.push(Section { name, values: HashMap::new() });
        } else if let (Some((key, value)), Some(section)) =
            (line.split_once(" = "), sections.last_mut())
        {
            section.values.insert(key, value);
        }
    }
    sections
}

async fn check(what: &'static str, section: &Section<'_>) -> Result<(), Problem> {
    let value = *section.values.get(what).ok_or(Problem::Missing { key: what })?;
    match what {
        "upstream" => connect(value).await,
        "certificate" => read(value).await,
        _ => match value.parse::<u16>() {
            Ok(_) => Ok(()),
            Err(source) => Err(Problem::Number { key: what, value: value.to_owned(), source }),
        },
    }
}

async fn connect(address: &str) -> Result<(), Problem> {
    let (host, _) = address.split_once(':').expect("an address has a port");
    smol::future::yield_now().await;
    let known = ["127.0.0.1", "localhost"].contains(&host);
    let source = io::Error::from(io::ErrorKind::ConnectionRefused);
    if known { Ok(()) } else { Err(Problem::Unreachable { address: address.to_owned(), source }) }
}

async fn read(path: &str) -> Result<(), Problem> {
    smol::future::yield_now().await;
    let readable = path.starts_with("/etc/");
    let source = io::Error::from(io::ErrorKind::PermissionDenied);
    if readable { Ok(()) } else { Err(Problem::Unreadable { path: path.to_owned(), source }) }
}

/// Fails if an earlier section has the port of this one.
fn check_port_is_free(sections: &[Section<'_>], index: usize) -> Result<(), Problem> {
    let Some(port) = sections[index].values.get("port") else { return Ok(()) };
    match sections[..index].iter().find(|other| other.values.get("port") == Some(port)) {
        Some(other) => {
            Err(Problem::Taken { port: (*port).to_owned(), other: other.name.to_owned() })
        }
        None => Ok(()),
    }
}

const CONFIG: &str = "\
[shop]
port = 8080
workers = 4
upstream = localhost:9000
certificate = /etc/shop.pem
[billing]
port = 99999
upstream = 10.0.0.7:9000
certificate = /root/billing.pem
[search]
port = 8080
workers = many
upstream = localhost:9200
certificate = /etc/search.pem
";

/// A check panics, for the address has no port.
const BROKEN: &str = "\
[shop]
port = 80a
workers = 4
upstream = localhost
certificate = /etc/shop.pem
";

#[test]
fn a_validator_reports_every_problem_by_section() {
    let (code, text) = block_on(plain::validate(CONFIG));
    assert_eq!(code, 1);
    assert_eq!(
        text,
        "\
billing
  port: port = 99999 is no number: number too large to fit in target type
  workers: workers is missing
  upstream: cannot reach 10.0.0.7:9000: connection refused
  certificate: cannot read /root/billing.pem: permission denied
search
  workers: workers = many is no number: invalid digit found in string
  free port: port 8080 is that of shop, too
",
    );

    let (code, text) = block_on(nested::validate(CONFIG));
    assert_eq!(code, 1);
    assert_eq!(
        text,
        "\
nursery \"config\" failed: 2 of 3 children (1 completed), first billing
├─ billing           nursery failed: 4 of 5 children (1 completed), first port
│  ├─ port           port = 99999 is no number
│  │     caused by: number too large to fit in target type
│  ├─ workers        workers is missing
│  ├─ upstream       cannot reach 10.0.0.7:9000
│  │     caused by: connection refused
│  └─ certificate    cannot read /root/billing.pem
│        caused by: permission denied
└─ search            nursery failed: 2 of 5 children (3 completed), first workers
   ├─ workers        workers = many is no number
   │     caused by: invalid digit found in string
   └─ free port      port 8080 is that of shop, too",
    );
}

#[test]
fn a_check_that_panics_costs_no_other() {
    let panic = catch_unwind(|| block_on(plain::validate(BROKEN))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&String::from("an address has a port")));

    let (code, text) = block_on(nested::validate(BROKEN));
    assert_eq!(code, 1);
    assert_eq!(
        text,
        "\
nursery \"config\" failed: 1 of 1 child, first shop
└─ shop           nursery failed: 2 of 5 children (3 completed), first port
   ├─ port        port = 80a is no number
   │     caused by: invalid digit found in string
   └─ upstream    panicked: an address has a port",
    );
    assert_eq!(block_on(nested::validate("")), block_on(plain::validate("")));
}
