//! Why a text is no target.

/// What is wrong with a text that should be a target. Each says what would be right.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BadTarget {
    #[error("the target is empty: write host:port or http://host/path")]
    Empty,
    #[error("no port: write host:port, such as {0}:80")]
    NoPort(String),
    #[error("the port must be a number from 1 to 65535, not {0:?}")]
    Port(String),
    #[error("no host before the port: write host:port")]
    NoHost,
    #[error("{0:?} is not a host: a name has ASCII letters, digits, dots, hyphens and underscores")]
    Host(String),
    #[error("an IPv6 address stands in brackets: write [::1]:80")]
    Brackets,
    #[error("more than one colon: write host:port")]
    Colons,
    #[error("{0:?} is not an IPv6 address")]
    Ipv6(String),
    #[error("the scope of an IPv6 address is a number here: write [fe80::1%2]:80")]
    Scope,
    #[error("https is not supported: check the port by host:443, or use http://")]
    Https,
    #[error("{0:?} is no known kind of target: write host:port, http://host/path or file:PATH")]
    Scheme(String),
    #[error("a user or password in the address is not supported")]
    User,
    #[error("a path needs http://: write http://{0}")]
    PathAlone(String),
    #[error(
        "the path holds a space, a control or a non-ASCII character: write it as %20 and so on"
    )]
    Path,
    #[error("a list cannot name another list: give file:PATH as an argument")]
    ListInList,
    #[error("no path: write file:PATH")]
    NoPath,
}
