//! The walk up the stack, from where a waker is cloned to where the child is polled.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many frames a walk keeps. An `await` takes up to three in a debug build.
pub(super) const MAX_FRAMES: usize = 512;

/// A part of the names of the two functions between which the stack is kept. Names are compared as
/// well as addresses: on some targets, as on Apple's, a frame does not say which function it is of.
pub(super) const POLL_MARK: &str = "nestling_mark_of_a_poll";
pub(super) const CLONE_MARK: &str = "nestling_mark_of_a_clone";

/// Where the stack returns to in the mark of a poll, once it is known; before that 0. It is one
/// address, as the mark is no generic function and has one call. To compare with it is cheaper than
/// to find out which function each frame is of, and serves where that cannot be found out.
///
/// Relaxed: it is only a number, and the same from whatever thread.
static RETURN_TO_MARK: AtomicUsize = AtomicUsize::new(0);

/// Return addresses, innermost first. The last one is in the mark, if `ends_at_mark`.
#[derive(Clone)]
pub(super) struct Walk {
    pub(super) addresses: Box<[usize]>,
    /// `false` where the mark was not found by its address. It may be there.
    pub(super) ends_at_mark: bool,
    /// The outermost frames were too many.
    pub(super) is_cut: bool,
}

/// Calls `body`, below a frame at which walks end.
pub(super) fn marked<R>(body: impl FnOnce() -> R) -> R {
    let mut body = Some(body);
    let mut result = None;
    nestling_mark_of_a_poll(&mut || result = body.take().map(|body| body()));
    result.expect("the mark calls once")
}

#[inline(never)]
fn nestling_mark_of_a_poll(call: &mut dyn FnMut()) {
    call();
    // Something to do after the call, or it would be a jump, without a frame.
    black_box(call);
}

/// Walks up to the mark, or to the end of the stack or of the room.
pub(super) fn walk() -> Walk {
    black_box(nestling_mark_of_a_clone())
}

#[inline(never)]
fn nestling_mark_of_a_clone() -> Walk {
    let known = RETURN_TO_MARK.load(Ordering::Relaxed);
    let mark = nestling_mark_of_a_poll as *const () as usize;
    let mut addresses = Vec::with_capacity(64);
    let [mut ends_at_mark, mut is_cut] = [false; 2];
    backtrace::trace(|frame| {
        if addresses.len() == MAX_FRAMES {
            is_cut = true;
            return false;
        }
        let address = frame.ip() as usize;
        addresses.push(address);
        ends_at_mark = match known {
            0 => frame.symbol_address() as usize == mark,
            known => address == known,
        };
        !ends_at_mark
    });
    if let (0, true, Some(&address)) = (known, ends_at_mark, addresses.last()) {
        learn_mark(address);
    }
    Walk { addresses: addresses.into(), ends_at_mark, is_cut }
}

/// `address` is known to be in the mark of a poll, where its call returns to.
pub(super) fn learn_mark(address: usize) {
    RETURN_TO_MARK.store(address, Ordering::Relaxed);
}
