//! Supervisors beside a plain model of the rules: which children are alive after which events.
//!
//! [`rules`] has the model, and [`real`] drives a supervisor, by a clock that is set by hand. After
//! each event both have to have the same children, in the same incarnations and states.

mod clock;
mod real;
mod rules;
mod script;

use arbitrary::{Arbitrary, Unstructured};

use self::real::Real;
use self::rules::Model;
pub(crate) use self::script::Script;

/// Runs the script that the bytes mean.
pub(crate) fn check_bytes(bytes: &[u8]) {
    if let Ok(script) = Script::arbitrary(&mut Unstructured::new(bytes)) {
        check(&script);
    }
}

pub(crate) fn check(script: &Script) {
    let Some(mut real) = Real::new(script) else { return };
    let mut model = Model::new(script);
    assert_eq!(real.shows(), model.shows(), "at the beginning of {script:?}");
    for (at, event) in script.events.iter().enumerate() {
        // Whether rules can be meant so is shown elsewhere.
        let is_taken = real.happens(*event);
        model.happens(*event, is_taken);
        assert_eq!(real.shows(), model.shows(), "after event {at}, {event:?}, of {script:?}");
        real.check_answers();
    }
    assert_eq!(real.end(), model.end(), "at the end of {script:?}");
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(), ..ProptestConfig::default() })]

        #[test]
        fn a_supervisor_keeps_the_rules(bytes in vec(any::<u8>(), 0..400)) {
            check_bytes(&bytes);
        }
    }

    #[test]
    fn what_the_fuzzer_keeps_still_holds() {
        let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let mut kept = 0;
        for folder in ["corpus", "artifacts"] {
            let files = std::fs::read_dir(fuzz.join(folder).join("supervisor"));
            for file in files.into_iter().flatten() {
                let file = file.unwrap().path();
                eprintln!("{}", file.display());
                check_bytes(&std::fs::read(&file).unwrap());
                kept += usize::from(folder == "corpus");
            }
        }
        // The published package has the tests and not the corpus.
        assert!(kept > 0 || !fuzz.exists(), "fuzz/corpus/supervisor is empty");
    }

    /// As many as `PROPTEST_CASES` asks for, or some.
    fn cases() -> u32 {
        let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
        asked.unwrap_or(4_000)
    }
}
