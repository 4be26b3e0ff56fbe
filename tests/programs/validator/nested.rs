//! The validator with a nursery of nurseries.

use nestling::{JoinedError, Nursery};

use super::{CHECKS, Problem, Section, check, check_port_is_free, parse};

/// Returns the exit code, and what is printed.
pub(super) async fn validate(text: &str) -> (u8, String) {
    let sections = parse(text);
    let mut config = Nursery::new().name("config").sources();
    for (index, section) in sections.iter().enumerate() {
        config.child().name(section.name).group().spawn(validate_section(&sections, index));
    }
    match config.join().await {
        Ok(_) => (0, String::new()),
        Err(error) => {
            (1, error.tree().by_spawn_order().locations(false).numbers(false).to_string())
        }
    }
}

async fn validate_section(
    sections: &[Section<'_>],
    index: usize,
) -> Result<(), JoinedError<Problem>> {
    let mut checks = Nursery::new();
    for what in CHECKS {
        checks.child().name(what).spawn(check(what, &sections[index]));
    }
    checks.child().name("free port").spawn(async { check_port_is_free(sections, index) });
    checks.join().await.map(drop)
}
