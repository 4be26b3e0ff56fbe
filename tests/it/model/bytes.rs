//! A run that is made up from bytes, as a fuzzer has them.

use arbitrary::{Arbitrary, Unstructured};
use nestling::generic::{Local, Shared};
use nestling::testing::Script;

use super::{Violation, check};

/// Checks the run that the bytes stand for: flavour, seed, script.
pub(crate) fn check_bytes(data: &[u8]) {
    let made: arbitrary::Result<Result<(), Violation>> = (|| {
        let mut bytes = Unstructured::new(data);
        let (local, seed) = (bool::arbitrary(&mut bytes)?, u64::from(u16::arbitrary(&mut bytes)?));
        let script = Script::arbitrary_take_rest(bytes)?;
        Ok(if local { check::<Local>(&script, seed) } else { check::<Shared>(&script, seed) })
    })();
    // Bytes that stand for no run are none of ours.
    if let Ok(Err(violation)) = made {
        panic!("{violation:?}");
    }
}
