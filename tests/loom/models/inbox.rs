//! Spawners, tasks that wait for a slot, and a driver that fetches or closes.

use std::future::{pending, poll_fn, ready};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use loom::thread;

use super::support::{Count, Dropped, Parker, block_on, model};
use crate::cancel::{Cause, FinishOnDrop, Requests};
use crate::child::{Child, End};
use crate::flavor::Shared;
use crate::info::ChildId;
use crate::scope::inbox::{Admission, By, Inbox, Refusal, Status};

type Mailbox = Arc<Inbox<'static, (), (), Shared>>;

/// An inbox of a nursery that has `unfinished` children.
fn inbox(limit: usize, unfinished: usize) -> Mailbox {
    Arc::new(Inbox::new(Requests::new(Arc::default()), Status::Open, 0, limit, unfinished, None))
}

fn child(id: ChildId) -> Child<'static, (), (), Shared> {
    Child::new(ready(End::Delivered).boxed(), id, Location::caller(), FinishOnDrop::NONE)
}

fn post(inbox: &Mailbox, admission: Admission) -> Result<(), Refusal> {
    match inbox.post(admission, (), |(), id| child(id)) {
        Ok(_) => Ok(()),
        Err((_, refusal)) => Err(refusal),
    }
}

fn posting(inbox: &Mailbox, admission: Admission) -> thread::JoinHandle<bool> {
    let inbox = Arc::clone(inbox);
    thread::spawn(move || post(&inbox, admission).is_ok())
}

/// The slot that a spawner has in hand.
const IN_HAND: Admission = Admission::Slot(By::Spawner);

/// Waits for a slot until it is in hand or is refused.
async fn slot(inbox: &Mailbox) -> Result<(), Refusal> {
    let mut ticket = None;
    poll_fn(|cx| inbox.poll_slot(cx, &mut ticket, By::Spawner)).await
}

/// Whether there is room for one more.
fn has_room(inbox: &Mailbox) -> bool {
    inbox.try_slot(By::Owner).is_ok()
}

/// Waits for a slot, spawns into it, and lets it go as the child's end would.
fn taking_a_slot(inbox: &Mailbox) -> thread::JoinHandle<()> {
    let inbox = Arc::clone(inbox);
    thread::spawn(move || {
        assert!(block_on(slot(&inbox)).is_ok(), "the nursery is open");
        assert!(post(&inbox, IN_HAND).is_ok());
        inbox.release(1);
    })
}

/// Asks for a slot once, and gives the place up, or the slot back.
fn asking_once(inbox: &Mailbox) -> thread::JoinHandle<()> {
    let inbox = Arc::clone(inbox);
    thread::spawn(move || {
        let (mut ticket, waker) = (None, Waker::from(Parker::new()));
        let slot = inbox.poll_slot(&mut Context::from_waker(&waker), &mut ticket, By::Spawner);
        if let Some(ticket) = ticket {
            inbox.give_up(ticket);
        }
        if let Poll::Ready(Ok(())) = slot {
            inbox.give_back(By::Spawner);
        }
    })
}

/// Goes round, and rests by way of the driver's waker, until `look` has seen enough.
fn drive_until(inbox: &Mailbox, mut look: impl FnMut() -> bool) {
    block_on(poll_fn(|cx| {
        inbox.requests.driver().enter(cx.waker(), &mut None);
        loop {
            if look() {
                return Poll::Ready(());
            }
            if inbox.requests.driver().rest() {
                return Poll::Pending;
            }
        }
    }));
}

/// Were the driver told before the child is in, the driver might look, find nothing, and rest for
/// ever.
#[test]
fn a_child_that_is_posted_while_the_driver_goes_to_rest_is_fetched() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        let posting = posting(&inbox, Admission::Always);
        let mut fetched = 0;
        drive_until(&inbox, || {
            fetched += inbox.fetch().children.len();
            fetched == 1
        });
        assert!(posting.join().unwrap());
    });
}

/// Were a child numbered under one lock and put in under another, a later one might overtake it.
#[test]
fn children_that_are_posted_at_once_lie_in_the_order_of_their_numbers() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        let postings = [(); 2].map(|()| posting(&inbox, Admission::Always));
        for posting in postings {
            assert!(posting.join().unwrap());
        }
        let numbers: Vec<_> =
            inbox.fetch().children.iter().map(|child| child.id().number()).collect();
        assert_eq!(numbers, [0, 1]);
    });
}

/// Were room looked for under one lock and taken under another, both would be let in.
#[test]
fn of_two_that_try_to_get_the_one_slot_one_has_it() {
    model(None, || {
        let inbox = inbox(1, 0);
        let trying = [(); 2].map(|()| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.try_slot(By::Spawner).is_ok())
        });
        let served = trying.map(|trying| trying.join().unwrap());
        assert_eq!(served.iter().filter(|&&served| served).count(), 1);
    });
}

/// The end of the nursery. Were it looked at and closed under two locks, a child that was taken in
/// between would never be fetched.
#[test]
fn a_child_that_is_posted_at_the_end_keeps_the_nursery_open_or_is_refused() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        let posting = posting(&inbox, Admission::Always);
        let closed = inbox.end_if_idle();
        let taken = posting.join().unwrap();
        assert!(closed != taken);
        assert_eq!(inbox.fetch().children.len(), usize::from(taken));
    });
}

/// The nursery is dropped. What it does not hand out to be dropped by the owner must not be taken.
#[test]
fn a_child_that_is_posted_while_the_nursery_is_dropped_is_handed_out_or_refused() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        let posting = posting(&inbox, Admission::Always);
        let handed_out = inbox.end().len();
        assert_eq!(usize::from(posting.join().unwrap()), handed_out);
    });
}

/// The spawner is told whether it was first; the nursery that ends must then know the cause.
#[test]
fn a_cancel_at_the_end_is_known_to_the_nursery_or_too_late() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        let cancelling = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.cancel(Cause::requested("at the end".into())).0
        });
        assert!(inbox.end_if_idle());
        let known = inbox.cancel_requested().is_some();
        assert_eq!(cancelling.join().unwrap(), known);
        assert_eq!(inbox.cancel_requested().is_some(), known);
    });
}

/// Without one lock around the look and the change, both would be first.
#[test]
fn of_two_cancels_of_the_nursery_one_is_the_first_and_both_are_told_its_cause() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        let cancelling = ["one", "two"].map(|reason| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.cancel(Cause::requested(reason.into())))
        });
        let [(one, told_one), (two, told_two)] = cancelling.map(|thread| thread.join().unwrap());
        assert!(one != two);
        let first = Some(if one { "one" } else { "two" });
        assert_eq!((told_one.message(), told_two.message()), (first, first));
    });
}

/// The driver rests when it is told of a cancel; the mail must say so.
#[test]
fn a_driver_that_rests_hears_of_a_cancel_and_of_the_child_before_it() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        let cancelling = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                assert!(post(&inbox, Admission::Always).is_ok());
                assert!(inbox.cancel(Cause::requested("enough".into())).0);
                assert!(matches!(post(&inbox, Admission::Always), Err(Refusal::Cancelled(_))));
            }
        });
        let (mut children, mut cancelled) = (0, false);
        drive_until(&inbox, || {
            cancelled |= inbox.requests.is_cancelled();
            children += inbox.fetch().children.len();
            cancelled
        });
        assert_eq!(children, 1);
        cancelling.join().unwrap();
    });
}

/// Were room looked for under one lock and the queue joined under another, a slot that comes free
/// in between would be granted to nobody.
#[test]
fn a_slot_that_comes_free_while_someone_begins_to_wait_is_granted() {
    model(None, || {
        let inbox = inbox(1, 1);
        let taking = taking_a_slot(&inbox);
        inbox.release(1);
        taking.join().unwrap();
        assert!(has_room(&inbox));
    });
}

/// The one slot goes from hand to hand; each end must grant it to the next.
#[test]
fn two_who_wait_for_one_slot_both_get_it() {
    model(None, || {
        let inbox = inbox(1, 1);
        let taking = [(); 2].map(|()| taking_a_slot(&inbox));
        inbox.release(1);
        for taking in taking {
            taking.join().unwrap();
        }
        assert!(has_room(&inbox));
    });
}

/// One that gives up may have been granted the slot meanwhile. Were that not passed on, or were the
/// two looked for under two locks, the slot would be lost, and who waits would wait for ever.
#[test]
fn a_slot_that_is_granted_to_one_who_gives_up_goes_to_the_next() {
    model(None, || {
        let inbox = inbox(1, 1);
        let (asking, taking) = (asking_once(&inbox), taking_a_slot(&inbox));
        inbox.release(1);
        asking.join().unwrap();
        taking.join().unwrap();
        assert!(has_room(&inbox));
    });
}

/// Who has a slot in hand must not be refused for the nursery's end. Were it not looked at when the
/// nursery ends, it could be.
#[test]
fn one_who_comes_for_a_slot_at_the_end_keeps_the_nursery_open_or_is_sent_away() {
    model(None, || {
        let inbox = inbox(1, 1);
        let taking = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || block_on(slot(&inbox)).is_err() || post(&inbox, IN_HAND).is_ok()
        });
        inbox.release(1);
        inbox.end_if_idle();
        assert!(taking.join().unwrap());
    });
}

/// A slot in hand keeps the nursery from ending. Were the driver not told that it was given back,
/// it would wait for a child that never comes.
#[test]
fn a_driver_that_waits_for_nothing_but_a_slot_hears_that_it_was_given_back() {
    model(None, || {
        let inbox = inbox(1, 1);
        let asking = asking_once(&inbox);
        inbox.release(1);
        drive_until(&inbox, || inbox.end_if_idle());
        asking.join().unwrap();
    });
}

/// Who waits in a nursery that ends or is cancelled must be sent away; were it asked under one lock
/// and the queue joined under another, one who comes in between would wait for ever.
fn is_sent_away(close: impl Fn(&Mailbox) + Sync + Send + 'static) {
    model(None, move || {
        let inbox = inbox(1, 1);
        let waiting = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || assert!(block_on(slot(&inbox)).is_err())
        });
        close(&inbox);
        waiting.join().unwrap();
    });
}

#[test]
fn one_who_begins_to_wait_while_the_nursery_is_cancelled_is_sent_away() {
    is_sent_away(|inbox| assert!(inbox.cancel(Cause::requested(String::new())).0));
}

#[test]
fn one_who_begins_to_wait_while_the_nursery_is_dropped_is_sent_away() {
    is_sent_away(|inbox| drop(inbox.end()));
}

/// Raising the limit grants slots too.
#[test]
fn one_who_begins_to_wait_while_the_limit_is_raised_gets_a_slot() {
    model(None, || {
        let inbox = inbox(1, 1);
        let taking = taking_a_slot(&inbox);
        inbox.set_limit(2);
        taking.join().unwrap();
    });
}

/// A child is moved from hand to hand by value: whoever has it last drops it, and once.
#[test]
fn a_child_is_dropped_once_whoever_has_it_at_the_end() {
    model(None, || {
        let (inbox, drops) = (inbox(usize::MAX, 0), Count::default());
        let future = {
            let dropped = Dropped(drops.clone());
            let future = async move {
                drop(dropped);
                End::Delivered
            };
            future.boxed()
        };
        let posting = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                let child =
                    |future, id| Child::new(future, id, Location::caller(), FinishOnDrop::NONE);
                drop(inbox.post(Admission::Always, future, child));
            }
        });
        drop(inbox.end());
        posting.join().unwrap();
        assert_eq!(drops.get(), 1);
    });
}

/// A spawner that keeps the nursery open is dropped while the driver comes to rest. Were the driver
/// not told, it would wait for a child that nobody can spawn any more.
#[test]
fn a_driver_that_waits_for_nothing_but_a_spawner_hears_that_the_last_is_gone() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        inbox.hold();
        inbox.hold();
        let going = [(); 2].map(|()| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.let_go())
        });
        drive_until(&inbox, || inbox.end_if_idle());
        for going in going {
            going.join().unwrap();
        }
    });
}

/// The last spawner of a split nursery goes, and so does a slot in hand. Were each to leave it to
/// the other to close the nursery, it would wait for ever.
#[test]
fn a_driver_that_waits_for_a_spawner_and_a_slot_hears_that_both_are_gone() {
    model(3, || {
        let inbox = inbox(1, 0);
        inbox.hold();
        assert!(inbox.try_slot(By::Spawner).is_ok());
        let going = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.let_go()
        });
        let giving_back = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.give_back(By::Spawner)
        });
        drive_until(&inbox, || inbox.end_if_idle());
        going.join().unwrap();
        giving_back.join().unwrap();
        assert!(matches!(inbox.try_slot(By::Spawner), Err(Refusal::Closed)));
    });
}

/// A child that is posted by the last spawner before it goes must be fetched before the nursery
/// ends.
#[test]
fn what_the_last_spawner_has_posted_is_fetched_before_the_end() {
    model(None, || {
        let inbox = inbox(usize::MAX, 0);
        inbox.hold();
        let going = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                assert!(post(&inbox, Admission::Daemon).is_ok());
                inbox.let_go();
            }
        });
        let mut fetched = 0;
        drive_until(&inbox, || {
            fetched += inbox.fetch().children.len();
            inbox.end_if_idle()
        });
        assert_eq!(fetched, 1);
        going.join().unwrap();
    });
}

/// The cause and the grace are one step: a driver that sees the cancel without its grace would drop
/// children that were to have some time.
#[test]
fn a_driver_that_sees_the_cancel_sees_its_grace() {
    model(None, || {
        let inbox = inbox(usize::MAX, 1);
        let stopping = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                let grace = (pending().boxed(), Location::caller());
                inbox.cancel_within(Cause::requested(String::new()), Some(grace)).0
            }
        });
        drive_until(&inbox, || {
            let cancelled = inbox.requests.is_cancelled();
            let grace = inbox.fetch().grace.is_some();
            // It may have come in between.
            assert!(!cancelled || grace);
            cancelled || grace
        });
        assert!(stopping.join().unwrap());
    });
}

/// Were the cause looked for under one lock and the waker put down under another, a cancel in
/// between would be told to nobody.
#[test]
fn one_who_begins_to_wait_for_the_cancel_while_it_comes_is_told() {
    model(None, || {
        let inbox = inbox(usize::MAX, 1);
        let cancelling = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.cancel(Cause::requested("enough".into())).0
        });
        let mut place = None;
        let cause = block_on(poll_fn(|cx| inbox.poll_cancelled(cx, &mut place)));
        assert_eq!(cause.message(), Some("enough"));
        assert!(cancelling.join().unwrap());
    });
}

/// One that waits for a cancel gives up while it comes; the waker must go, whoever has it.
#[test]
fn one_who_gives_up_waiting_for_a_cancel_while_it_comes_leaves_no_waker_behind() {
    model(None, || {
        let inbox = inbox(usize::MAX, 1);
        let waiting = Parker::new();
        let waker = Waker::from(Arc::clone(&waiting));
        let mut place = None;
        assert!(inbox.poll_cancelled(&mut Context::from_waker(&waker), &mut place).is_pending());
        drop(waker);
        let cancelling = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.cancel(Cause::requested(String::new())).0
        });
        inbox.stop_listening(place.unwrap());
        cancelling.join().unwrap();
        assert_eq!(Arc::strong_count(&waiting), 1);
    });
}

/// A spawner comes for its slot while the nursery closes. Were the slot taken back twice, or not at
/// all, the next to ask would find one too many, or none.
#[test]
fn a_slot_that_is_granted_while_the_nursery_closes_is_filled_or_free() {
    model(None, || {
        let inbox = inbox(1, 0);
        let spawning = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                let mut ticket = None;
                let waker = Waker::from(Parker::new());
                let slot =
                    inbox.poll_slot(&mut Context::from_waker(&waker), &mut ticket, By::Spawner);
                let in_hand = match slot {
                    Poll::Ready(slot) => slot.is_ok(),
                    Poll::Pending => unreachable!("there is a slot"),
                };
                let taken = in_hand && post(&inbox, IN_HAND).is_ok();
                if in_hand && !taken {
                    inbox.give_back(By::Spawner);
                }
                taken
            }
        });
        inbox.close(By::Spawner);
        let taken = spawning.join().unwrap();
        assert_eq!(has_room(&inbox), !taken);
        assert_eq!(inbox.fetch().children.len(), usize::from(taken));
    });
}
