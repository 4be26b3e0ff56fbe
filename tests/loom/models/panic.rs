//! A payload that several threads look at.

use std::sync::Arc;

use loom::thread;

use super::support::model;
use crate::error::Panic;
use crate::guard::CaughtPanic;

/// Who asks for a type takes the payload out from behind the lock, and puts it back if it is of
/// another. Were that done under two locks, someone else would find it gone.
#[test]
fn a_payload_is_found_while_others_look_at_it_too() {
    model(None, || {
        let panic = Arc::new(Panic::new(CaughtPanic::new(Box::new(7_u32), None)));
        let mistaken = thread::spawn({
            let panic = Arc::clone(&panic);
            move || assert_eq!(panic.downcast_ref::<u64>(), None)
        });
        let looking = thread::spawn({
            let panic = Arc::clone(&panic);
            move || assert_eq!(panic.downcast_ref::<u32>(), Some(&7))
        });
        assert!(panic.is::<u32>());
        mistaken.join().unwrap();
        looking.join().unwrap();
    });
}
