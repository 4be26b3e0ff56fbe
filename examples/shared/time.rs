//! A length of time on the command line.

use std::time::Duration;

/// Reads `2`, `0.5`, `2s` or `500ms`. It is at most a day, and may be 0.
pub(crate) fn time(text: &str) -> Result<Duration, &'static str> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = number.parse().map_err(|_| "write a time such as 2, 0.5, 2s or 500ms")?;
    match Duration::try_from_secs_f64(number * unit) {
        Ok(time) if time <= DAY => Ok(time),
        _ => Err("a time is at least 0 and at most a day"),
    }
}
