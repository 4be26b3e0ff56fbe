//! A word of wakes: which of the lanes that share it were woken.

use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};

use crate::drive::DriverWaker;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// The number of lanes that share a word: a bit each.
///
/// A word is a `usize`, as some targets have no larger atomic.
pub(crate) const LANES: usize = usize::BITS as usize;

/// One bit for each of [`LANES`] lanes, and the way to the driver.
///
/// A wake sets the lane's bit. The wake that finds the word empty passes on; later wakes find the
/// bit of an earlier one and stop there. The driver takes all bits at once, and polls the lanes
/// they stand for.
pub(super) struct Word {
    woken: AtomicUsize,
    way: Way,
    /// The block that the word belongs to.
    block: usize,
    /// The block of the word that was woken before this one, while it is on the list of woken
    /// words.
    next: AtomicUsize,
}

/// Where a wake passes on to.
enum Way {
    /// To the driver, which looks at this word in each round.
    Driver(Arc<DriverWaker>),
    /// To the queue, which tells the driver that this word was woken.
    Queue {
        /// Wakes the word's entry in the queue. Set once, by the first poll of the entry.
        waker: OnceLock<Waker>,
        /// Whether `waker` is set.
        has_waker: AtomicBool,
        /// The block has given up its lanes: the entry is to end.
        retired: AtomicBool,
    },
}

impl Word {
    /// `next` of a word that is not on the list.
    const UNLISTED: usize = usize::MAX;
    /// `next` of the last word on the list.
    pub(super) const END: usize = usize::MAX - 1;

    /// A word that tells the driver itself.
    pub(super) fn direct(block: usize, driver: &Arc<DriverWaker>) -> Arc<Self> {
        Self::new(block, Way::Driver(Arc::clone(driver)))
    }

    /// A word that is to stand in the queue.
    pub(super) fn queued(block: usize) -> Arc<Self> {
        let (has_waker, retired) = (AtomicBool::new(false), AtomicBool::new(false));
        Self::new(block, Way::Queue { waker: OnceLock::new(), has_waker, retired })
    }

    fn new(block: usize, way: Way) -> Arc<Self> {
        Arc::new(Self {
            woken: AtomicUsize::new(0),
            way,
            block,
            next: AtomicUsize::new(Self::UNLISTED),
        })
    }

    /// Takes all bits. A wake that comes later finds the word empty, and passes on.
    #[inline]
    pub(super) fn take(&self) -> usize {
        #[cfg(all(test, not(nestling_loom)))]
        super::counted::count(|counts| &mut counts.words);
        // Acquire: the polls that follow see what was made ready before the wakes. Release: a wake
        // that reads this zero also sees the waker that was set before.
        self.woken.swap(0, Ordering::AcqRel)
    }

    /// Takes the bit of one lane; says whether it was set.
    pub(super) fn take_one(&self, lane: usize) -> bool {
        self.woken.fetch_and(!(1 << lane), Ordering::AcqRel) & 1 << lane != 0
    }

    /// The bits, which stay.
    #[inline]
    pub(super) fn woken(&self) -> usize {
        self.woken.load(Ordering::Relaxed)
    }

    /// Whether a wake has come that found no waker, once there is one.
    pub(super) fn was_woken_early(&self) -> bool {
        // Not a plain load: this and the wake change the same atomic, so one is the first. If it is
        // the wake, its bit is seen here. If it is this, the wake sees the waker, and passes on by
        // it.
        self.woken.fetch_or(0, Ordering::AcqRel) != 0
    }

    /// Keeps the waker of the word's entry in the queue.
    ///
    /// Returns whether this was the first poll of the entry: a wake may have come before, and found
    /// no waker to pass on by.
    pub(super) fn set_waker(&self, waker: &Waker) -> bool {
        let Way::Queue { waker: way, has_waker, .. } = &self.way else {
            unreachable!("a word that tells the driver has no entry in the queue")
        };
        if has_waker.load(Ordering::Relaxed) {
            return false;
        }
        let _ = way.set(waker.clone());
        // Release: a wake that sees the mark finds the waker.
        has_waker.store(true, Ordering::Release);
        true
    }

    /// Puts the word on the list of woken words, which begins with `first`. One that is listed
    /// already stays where it is. Only the driver lists words and takes them off again.
    pub(super) fn list(&self, first: &AtomicUsize) {
        if self.next.load(Ordering::Relaxed) == Self::UNLISTED {
            self.next.store(first.load(Ordering::Relaxed), Ordering::Relaxed);
            first.store(self.block, Ordering::Relaxed);
        }
    }

    /// Takes the word off the list, and returns the block of the next.
    pub(super) fn unlist(&self) -> Option<usize> {
        let next = self.next.load(Ordering::Relaxed);
        self.next.store(Self::UNLISTED, Ordering::Relaxed);
        (next != Self::END).then_some(next)
    }

    /// The block gives up its lanes: no late wake tells the driver. An entry in the queue ends when
    /// it is next polled.
    pub(super) fn retire(&self) {
        match &self.way {
            // As if each lane were woken already.
            Way::Driver(_) => drop(self.woken.fetch_or(usize::MAX, Ordering::Relaxed)),
            Way::Queue { retired, .. } => {
                retired.store(true, Ordering::Relaxed);
                self.pass_on();
            }
        }
    }

    pub(super) fn is_retired(&self) -> bool {
        matches!(&self.way, Way::Queue { retired, .. } if retired.load(Ordering::Relaxed))
    }

    fn wake(&self, lane: usize) {
        // Release: the driver that takes the bit sees what was done before the wake. Acquire: if
        // this finds the word empty since the driver took it, it sees the waker that was set before
        // that.
        if self.woken.fetch_or(lane, Ordering::AcqRel) == 0 {
            self.pass_on();
        }
    }

    fn pass_on(&self) {
        #[cfg(all(test, not(nestling_loom)))]
        super::counted::count(|counts| &mut counts.passed_on);
        match &self.way {
            Way::Driver(driver) => driver.notify(),
            Way::Queue { waker, has_waker, .. } => {
                if has_waker.load(Ordering::Acquire) {
                    waker.get().into_iter().for_each(Waker::wake_by_ref);
                }
            }
        }
    }
}

/// The waker of one lane. It lasts as long as the lane, whichever child runs there.
struct LaneWaker {
    word: Arc<Word>,
    bit: usize,
}

pub(super) fn lane_waker(word: &Arc<Word>, lane: usize) -> Waker {
    Waker::from(Arc::new(LaneWaker { word: Arc::clone(word), bit: 1 << lane }))
}

impl Wake for LaneWaker {
    fn wake(self: Arc<Self>) {
        self.word.wake(self.bit);
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        self.word.wake(self.bit);
    }
}
