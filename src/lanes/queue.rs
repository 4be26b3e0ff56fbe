//! The queue of woken words: the only file that names `FuturesUnordered`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::stream::{FuturesUnordered, Stream};

use super::word::Word;
use crate::drive::{DriverWaker, WakeFlag};
use crate::sync::{AtomicUsize, Ordering};

/// Says in constant time which words were woken, in the order of their wakes.
///
/// `FuturesUnordered` holds one small future for each word. It polls those that were woken, and
/// they put their words on a list, which the driver takes. The futures stay pending as long as
/// their blocks have lanes.
pub(super) struct WordQueue {
    entries: FuturesUnordered<Entry>,
    /// Whether an entry was woken or added since the last poll.
    woken: Arc<WakeFlag>,
    /// Sets `woken`, and wakes the driver.
    waker: Waker,
    /// The block of the word that was listed last, or [`Word::END`].
    ///
    /// Only the driver polls entries and takes the list. The atomics are there because the entries
    /// are `Send`: they need no order, and no step that reads and writes at once.
    last: Arc<AtomicUsize>,
}

impl WordQueue {
    pub(super) fn new(driver: &Arc<DriverWaker>) -> Self {
        let woken = WakeFlag::new(driver);
        let waker = woken.waker();
        let mut entries = FuturesUnordered::new();
        // `FuturesUnordered` wakes its caller when it has polled as many futures as it holds: one
        // of them might be ready again. Where all words were woken, above all where there is but
        // one, that would be a round for nothing, and in nested nurseries such rounds multiply with
        // the depth. An entry that is never woken keeps it from getting there.
        entries.push(Entry::Anchor);
        // It is polled once now: with a word beside it, it would count as one more.
        let _ = Pin::new(&mut entries).poll_next(&mut Context::from_waker(Waker::noop()));
        Self { entries, woken, waker, last: Arc::new(AtomicUsize::new(Word::END)) }
    }

    /// Adds a word. The next [`poll`](Self::poll) gives it a way to the driver, and lists it if
    /// wakes came before that.
    pub(super) fn push(&mut self, word: &Arc<Word>) {
        self.entries.push(Entry::Word { word: Arc::clone(word), last: Arc::clone(&self.last) });
        self.woken.set();
    }

    /// The block of the word that was woken last, if any was since the last call. Those that were
    /// woken before it follow by [`Word::unlist`]. The next wake of a word wakes the driver.
    #[inline]
    pub(super) fn poll(&mut self) -> Option<usize> {
        // To poll where no entry was woken would be to register the waker for nothing.
        if !self.woken.is_set() {
            return None;
        }
        self.poll_woken()
    }

    fn poll_woken(&mut self) -> Option<usize> {
        #[cfg(all(test, not(nestling_loom)))]
        super::counted::count(|counts| &mut counts.queue);
        self.woken.clear();
        let cx = &mut Context::from_waker(&self.waker);
        // Ready is the entry of a block that gave up its lanes.
        while let Poll::Ready(Some(())) = Pin::new(&mut self.entries).poll_next(cx) {}
        let last = self.last.load(Ordering::Relaxed);
        if last == Word::END {
            return None;
        }
        self.last.store(Word::END, Ordering::Relaxed);
        Some(last)
    }
}

enum Entry {
    Word {
        word: Arc<Word>,
        last: Arc<AtomicUsize>,
    },
    /// Stays pending for ever.
    Anchor,
}

impl Future for Entry {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        #[cfg(all(test, not(nestling_loom)))]
        super::counted::count(|counts| &mut counts.entries);
        let Self::Word { word, last } = &*self else { return Poll::Pending };
        if word.is_retired() {
            return Poll::Ready(());
        }
        let is_first = word.set_waker(cx.waker());
        if is_first && !word.was_woken_early() {
            return Poll::Pending;
        }
        word.list(last);
        Poll::Pending
    }
}
