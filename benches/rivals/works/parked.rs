//! Children that are parked, and what becomes of them.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::Part;
use super::batch::yield_times;
use super::parking::Parking;
use crate::work::{Need, Set, Work};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// All are woken, then polled.
    All,
    /// One is woken, and taken when it has ended; then the next.
    Singly,
}

#[derive(Clone)]
pub struct Parked<const HANDLES: bool> {
    pub parking: Arc<Parking>,
    pub woken: Woken,
}

impl<const HANDLES: bool> Work for Parked<HANDLES> {
    const NEEDS: Need = if HANDLES { Need::Handles } else { Need::Ends };
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let Self { parking, woken } = self;
        parking.fill();
        spawn::<HANDLES, S>(&mut set, &parking);
        set.run_until(parking.all_parked.wait()).await;
        for &n in &parking.order {
            parking.call(n);
            if woken == Woken::Singly {
                set.end(n).await;
            }
        }
        if woken == Woken::All {
            assert_eq!(set.all().await.outputs, parking.order.len());
        }
        None
    }
}

/// Cancels some of the children by their handles, each until it is gone.
#[derive(Clone)]
pub struct CancelOne {
    pub parking: Arc<Parking>,
    pub cancelled: usize,
}

impl Work for CancelOne {
    const NEEDS: Need = Need::Handles;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let Self { parking, cancelled } = self;
        parking.fill();
        spawn::<true, S>(&mut set, &parking);
        set.run_until(parking.all_parked.wait()).await;
        let start = Instant::now();
        for &n in &parking.order[..cancelled] {
            set.cancel(n).await;
        }
        let took = start.elapsed();
        set.cancel_all().await;
        Some(took)
    }
}

#[derive(Clone)]
pub struct CancelAll {
    pub parking: Arc<Parking>,
}

impl Work for CancelAll {
    const NEEDS: Need = Need::CancelAll;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let parking = self.parking;
        parking.fill();
        spawn::<false, S>(&mut set, &parking);
        set.run_until(parking.all_parked.wait()).await;
        let start = Instant::now();
        set.cancel_all().await;
        Some(start.elapsed())
    }
}

/// All are parked but the last, which fails: the time from its error until all are gone.
#[derive(Clone)]
pub struct FirstError {
    pub parking: Arc<Parking>,
}

impl Work for FirstError {
    const NEEDS: Need = Need::PromptError;
    const FIRST_ERROR: bool = true;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let parking = self.parking;
        parking.fill();
        spawn::<false, S>(&mut set, &parking);
        let failed = Arc::new(Mutex::new(None));
        let tell = Arc::clone(&failed);
        set.spawn(async move {
            parking.all_parked.wait().await;
            // The others are at rest.
            yield_times(2).await;
            *tell.lock().expect("nothing panics") = Some(Instant::now());
            Err(7)
        });
        assert_eq!(set.first_error().await, 7);
        let failed: Instant = failed.lock().expect("nothing panics").expect("it has failed");
        Some(failed.elapsed())
    }
}

fn spawn<'s, const HANDLES: bool, S: Set<'s>>(set: &mut S, parking: &Arc<Parking>) {
    for n in 0..parking.order.len() {
        let child = Arc::clone(parking).child(n);
        if HANDLES { set.spawn_with_handle(child) } else { set.spawn(child) }
    }
}
