//! A payload that several threads look at.

use std::sync::Arc;

use loom::thread;

use super::support::model;
use crate::error::Panic;
use crate::guard::Thrown;

/// The payload moves out of the lock when it is first asked for by its type. Were it under way without
/// the lock, a second thread would find it in neither place.
#[test]
fn two_who_look_at_a_payload_both_find_it() {
    model(None, || {
        let panic = Arc::new(Panic::new(Thrown { payload: Box::new(7_u32), location: None }));
        let looking = [(); 2].map(|()| {
            let panic = Arc::clone(&panic);
            thread::spawn(move || panic.downcast_ref::<u32>().copied())
        });
        assert!(panic.is::<u32>());
        for looking in looking {
            assert_eq!(looking.join().unwrap(), Some(7));
        }
    });
}
