//! A clock that is set by hand.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nestling::future::Timer;

#[derive(Clone, Default)]
pub(super) struct HandClock(Arc<Mutex<Hands>>);

#[derive(Default)]
struct Hands {
    now: u64,
    next: u64,
    sleepers: BTreeMap<u64, Waker>,
}

impl HandClock {
    fn lock(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap()
    }

    /// A second passes.
    pub(super) fn tick(&self) {
        let sleepers = {
            let mut hands = self.lock();
            hands.now += 1;
            std::mem::take(&mut hands.sleepers)
        };
        sleepers.into_values().for_each(Waker::wake);
    }
}

impl Timer for HandClock {
    type Sleep = HandSleep;

    fn sleep(&self, duration: Duration) -> HandSleep {
        let mut hands = self.lock();
        hands.next += 1;
        HandSleep { clock: self.clone(), due: hands.now + duration.as_secs(), id: hands.next }
    }
}

pub(super) struct HandSleep {
    clock: HandClock,
    due: u64,
    id: u64,
}

impl Future for HandSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.clock.lock();
        if hands.now >= self.due {
            return Poll::Ready(());
        }
        hands.sleepers.insert(self.id, cx.waker().clone());
        Poll::Pending
    }
}
