//! What can be checked, and how it is written.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::bad_target::BadTarget;

/// One thing to check: `host:port`, or `http://host:port/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// What to ask for, where it is http: the path with its query.
    pub(crate) path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    V4(Ipv4Addr),
    /// With its scope: the number of the network that it is an address in, or 0.
    V6(Ipv6Addr, u32),
    /// A name, to be looked up.
    Name(String),
}

/// The path in `file:PATH`.
pub(crate) fn list_path(text: &str) -> Option<&str> {
    let (scheme, path) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("file").then_some(path)
}

/// The text without what may be a user and a password: all before the last `@`.
pub(crate) fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, host)) if list_path(text).is_none() => {
            let is_scheme = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let scheme = before.find("://").filter(|&at| is_scheme(&before[..at]));
            format!("{}…@{host}", scheme.map_or("", |at| &before[..at + 3]))
        }
        _ => text.to_owned(),
    }
}

impl Target {
    /// The address, if it needs no lookup.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::V4(ip) => Some((ip, self.port).into()),
            Host::V6(ip, scope) => Some(SocketAddrV6::new(ip, self.port, 0, scope).into()),
            Host::Name(_) => None,
        }
    }
}

impl std::str::FromStr for Target {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, BadTarget> {
        match (text, list_path(text)) {
            ("", _) => return Err(BadTarget::Empty),
            (_, Some("")) => return Err(BadTarget::NoPath),
            ("-", _) | (_, Some(_)) => return Err(BadTarget::ListInList),
            _ => {}
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.find(['/', '?']) {
                Some(1..) if !text.contains('@') => Err(BadTarget::PathAlone(text.to_owned())),
                _ => authority(text, None, None),
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return Err(BadTarget::Https),
            _ => return Err(BadTarget::Scheme(format!("{scheme}://"))),
        }
        // What follows a `#` is for the reader of the answer, and is never sent.
        let rest = rest.split('#').next().unwrap_or(rest);
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadTarget::Path);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        authority(host, Some(80), Some(format!("{slash}{path}")))
    }
}

/// `host:port`; without `:port` only where there is a default.
fn authority(
    text: &str,
    default_port: Option<u16>,
    path: Option<String>,
) -> Result<Target, BadTarget> {
    if text.contains('@') {
        return Err(BadTarget::User);
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(BadTarget::Brackets)?;
        let (ip, scope) = address.split_once('%').unwrap_or((address, "0"));
        let ip = ip.parse().map_err(|_| BadTarget::Ipv6(address.to_owned()))?;
        let scope = scope.parse().map_err(|_| BadTarget::Scope)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err(BadTarget::Brackets),
        };
        (Host::V6(ip, scope), port)
    } else if text.matches(':').count() > 1 {
        return Err(if is_bare_ipv6(text) { BadTarget::Brackets } else { BadTarget::Colons });
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        (name_or_address(host)?, port)
    };
    let port = match (port, default_port) {
        (None | Some(""), Some(port)) => port,
        (Some(port), _) => number(port)?,
        (None, None) => return Err(BadTarget::NoPort(text.to_owned())),
    };
    Ok(Target { host, port, path })
}

/// An IPv6 address without brackets, with or without a scope and a port.
fn is_bare_ipv6(text: &str) -> bool {
    let text = text.split('%').next().unwrap_or(text);
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    [text, host].iter().any(|ip| ip.parse::<Ipv6Addr>().is_ok())
}

fn name_or_address(host: &str) -> Result<Host, BadTarget> {
    if host.is_empty() {
        return Err(BadTarget::NoHost);
    }
    if let Ok(ip) = host.parse() {
        return Ok(Host::V4(ip));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.len() > 253 || !host.bytes().all(fits) {
        return Err(BadTarget::Host(host.to_owned()));
    }
    Ok(Host::Name(host.to_owned()))
}

fn number(port: &str) -> Result<u16, BadTarget> {
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number != 0 => Ok(number),
        _ => Err(BadTarget::Port(port.to_owned())),
    }
}

/// As a server is told it: without a scope, which means something to this machine only.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6(ip, _) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
