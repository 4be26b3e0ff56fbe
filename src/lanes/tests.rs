//! What is found, in which order, and what that costs with few lanes and with many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::counted::{Counts, during};
use super::{KEPT, LANES, Lanes};
use crate::drive::{DriverWaker, budget};

/// More than stand in the first block, which needs no queue.
const FEW: usize = 100;
const MANY: usize = 10_000;

/// Lanes in which something waits, and an owner that counts how often it is woken.
struct Fixture {
    lanes: Lanes<()>,
    wakers: Vec<Waker>,
    driver: Arc<DriverWaker>,
    owner: Option<Arc<Waker>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Fixture {
    fn new(count: usize) -> Self {
        let driver = Arc::default();
        let mut lanes = Lanes::new(&driver);
        let mut wakers = Vec::new();
        for lane in 0..count {
            assert_eq!(lanes.take(|| ()), lane);
            wakers.push(lanes.lane(lane).1.clone());
            lanes.wait(lane);
        }
        let mut fixture = Self { lanes, wakers, driver, owner: None, wakes: Arc::default() };
        assert_eq!(fixture.round(), []);
        fixture
    }

    fn find(&mut self) {
        self.driver.enter(&Waker::from(Arc::clone(&self.wakes)), &mut self.owner);
        self.lanes.find_woken();
        self.driver.stop();
    }

    /// The lanes of one round, in the order in which they are visited.
    fn round(&mut self) -> Vec<usize> {
        self.find();
        self.lanes.begin_round();
        std::iter::from_fn(|| self.lanes.next()).collect()
    }

    fn wake(&self, lanes: impl IntoIterator<Item = usize>) {
        lanes.into_iter().for_each(|lane| self.wakers[lane].wake_by_ref());
    }

    /// How often the driver was woken since the last call.
    fn wakes(&self) -> usize {
        self.wakes.0.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn a_wake_is_found_at_the_same_cost_among_few_lanes_and_among_many() {
    let cost = |count| {
        let mut fixture = Fixture::new(count);
        fixture.wakes();
        let looks = during(|| {
            fixture.wake([count - 1]);
            assert_eq!(fixture.round(), [count - 1]);
            assert_eq!(fixture.round(), []);
        });
        (looks, fixture.wakes())
    };
    assert_eq!(cost(FEW), (Counts { queue: 1, entries: 1, words: 1, passed_on: 1 }, 1));
    assert_eq!(cost(MANY), cost(FEW));
}

#[test]
fn a_wake_in_the_first_block_needs_no_queue() {
    let mut fixture = Fixture::new(LANES);
    fixture.wakes();
    let looks = during(|| {
        fixture.wake([5]);
        assert_eq!(fixture.round(), [5]);
        assert_eq!(fixture.round(), []);
    });
    assert_eq!(
        (looks, fixture.wakes()),
        (Counts { words: 1, passed_on: 1, ..Counts::default() }, 1)
    );
    assert!(fixture.lanes.queue.is_none());
}

#[test]
fn a_round_without_wakes_looks_at_nothing() {
    for count in [FEW, MANY] {
        let mut fixture = Fixture::new(count);
        assert_eq!(during(|| assert_eq!(fixture.round(), [])), Counts::default());
        assert!(!fixture.lanes.has_woken());
    }
}

#[test]
fn lanes_of_one_word_wake_the_driver_once() {
    let mut fixture = Fixture::new(LANES);
    fixture.wakes();
    fixture.wake((0..LANES).chain(0..LANES));
    assert_eq!(fixture.wakes(), 1);
    assert!(fixture.round().into_iter().eq(0..LANES));
}

#[test]
fn a_wake_that_finds_its_word_woken_is_not_passed_on() {
    let mut fixture = Fixture::new(2 * LANES);
    for _ in 0..2 {
        // Of the first word, which tells the driver itself, and of one that stands in the queue.
        let counts = during(|| fixture.wake((0..2 * LANES).chain(0..2 * LANES)));
        assert_eq!(counts.passed_on, 2);
        assert!(fixture.round().into_iter().eq(0..2 * LANES));
    }
}

#[test]
fn a_lane_that_is_woken_in_a_round_waits_for_the_next() {
    let mut fixture = Fixture::new(2 * LANES);
    fixture.wake([1, LANES]);
    fixture.find();
    fixture.lanes.begin_round();
    assert_eq!(fixture.lanes.next(), Some(1));
    fixture.wake([1, 2, LANES + 1]);
    // The second word is visited after this, with all its wakes; the first was visited already.
    assert_eq!(std::iter::from_fn(|| fixture.lanes.next()).collect::<Vec<_>>(), [LANES, LANES + 1]);
    assert_eq!(fixture.round(), [1, 2]);
}

#[test]
fn words_are_visited_in_the_order_of_their_wakes() {
    let mut fixture = Fixture::new(4 * LANES);
    fixture.wake([3 * LANES, LANES, 2 * LANES, 0]);
    assert_eq!(fixture.round(), [0, 3 * LANES, LANES, 2 * LANES]);
}

#[test]
fn a_round_that_is_cut_short_goes_on_where_it_stopped() {
    let mut fixture = Fixture::new(2 * LANES);
    fixture.wake(0..2 * LANES);
    fixture.find();
    fixture.lanes.begin_round();
    let mut visited: Vec<_> = (0..10).filter_map(|_| fixture.lanes.next()).collect();
    // Lanes that were visited are woken again, and wait behind those that were not.
    fixture.wake(0..10);
    fixture.find();
    fixture.lanes.begin_round();
    visited.extend(std::iter::from_fn(|| fixture.lanes.next()));
    assert!(visited.into_iter().eq((0..2 * LANES).chain(0..10)));
}

#[test]
fn each_of_the_woken_lanes_goes_first_by_turns() {
    for woken in [vec![0, 1, 2], vec![3, LANES + 1, 2 * LANES + 5], (0..3 * LANES).collect()] {
        let mut fixture = Fixture::new(3 * LANES);
        let mut leaders = Vec::new();
        for _ in 0..2 * woken.len() {
            fixture.lanes.rotate();
            // As a runtime does that wakes all of them, always in the same order.
            fixture.wake(woken.iter().copied());
            let round = fixture.round();
            assert_eq!(round.len(), woken.len());
            leaders.push(round[0]);
        }
        for half in leaders.chunks_mut(woken.len()) {
            half.sort_unstable();
            assert_eq!(*half, woken);
        }
    }
}

#[test]
fn without_a_rotation_the_same_lane_goes_first() {
    let mut fixture = Fixture::new(4);
    for _ in 0..3 {
        fixture.wake(0..4);
        assert_eq!(fixture.round(), [0, 1, 2, 3]);
    }
}

#[test]
fn lanes_are_visited_first_that_are_asked_for_if_they_were_woken() {
    let mut fixture = Fixture::new(2 * LANES);
    fixture.lanes.visit_first(vec![LANES + 2, 9, 1]);
    fixture.wake([0, 1, LANES + 2]);
    assert_eq!(fixture.round(), [LANES + 2, 1, 0]);
    assert_eq!(fixture.round(), []);
}

#[test]
fn a_freed_lane_is_taken_again_and_a_late_wake_visits_no_free_one() {
    let mut fixture = Fixture::new(3);
    fixture.lanes.free(1);
    fixture.wake([1]);
    assert_eq!(fixture.round(), []);
    assert_eq!(fixture.lanes.take(|| ()), 1);
    // A wake that was for the one before costs the new one a visit.
    fixture.wake([1]);
    assert_eq!(fixture.round(), [1]);
    assert_eq!(fixture.lanes.taken(), 3);
}

#[test]
fn a_late_wake_of_a_free_lane_keeps_no_other_wake_back() {
    for count in [3, LANES + 3] {
        let mut fixture = Fixture::new(count);
        let (freed, other) = (count - 1, count - 2);
        fixture.lanes.free(freed);
        fixture.wake([freed]);
        assert_eq!(fixture.round(), []);
        fixture.wakes();
        fixture.wake([other]);
        assert_eq!(fixture.wakes(), 1);
        assert_eq!(fixture.round(), [other]);
    }
}

#[test]
fn a_lane_has_the_same_waker_for_good() {
    let mut fixture = Fixture::new(2);
    fixture.lanes.free(0);
    assert_eq!(fixture.lanes.take(|| ()), 0);
    assert!(fixture.lanes.lane(0).1.will_wake(&fixture.wakers[0]));
    assert!(!fixture.wakers[0].will_wake(&fixture.wakers[1]));
}

#[test]
fn lanes_that_nothing_runs_in_are_given_up() {
    let mut fixture = Fixture::new(MANY);
    let memory = |lanes: &Lanes<()>| -> usize {
        lanes.blocks.iter().map(|block| block.lanes.capacity()).sum()
    };
    let most = memory(&fixture.lanes);
    // The last one stays.
    for lane in 0..MANY - 1 {
        fixture.lanes.free(lane);
    }
    assert!(memory(&fixture.lanes) <= (KEPT + 1) * LANES && most >= MANY);
    fixture.wake([MANY - 1]);
    assert_eq!(fixture.round(), [MANY - 1]);
    // Those that come next use the lanes that were kept.
    let next = fixture.lanes.take(|| unreachable!("there are enough places"));
    fixture.lanes.free(MANY - 1);
    fixture.lanes.free(next);
    assert!(fixture.lanes.blocks.len() <= 1);
    // Wakes of lanes that are no more do no harm, and new lanes work as the first did.
    fixture.wake(0..MANY);
    assert_eq!(fixture.round(), []);
    let lane = fixture.lanes.take(|| ());
    fixture.lanes.wait(lane);
    fixture.round();
    fixture.lanes.lane(lane).1.wake_by_ref();
    assert_eq!(fixture.round(), [lane]);
}

#[test]
fn no_waker_of_the_driver_is_left_when_the_lanes_are_gone() {
    let fixture = Fixture::new(2 * LANES);
    fixture.wake(0..2 * LANES);
    let Fixture { lanes, wakers, driver, owner, wakes } = fixture;
    drop((lanes, owner));
    driver.retire();
    assert_eq!(Arc::strong_count(&wakes), 1);
    wakers.iter().for_each(Waker::wake_by_ref);
}

#[test]
fn a_lane_that_never_waits_takes_no_queue() {
    let mut lanes = Lanes::new(&Arc::default());
    for _ in 0..MANY {
        let lane = lanes.take(|| ());
        assert_eq!(lane, 0);
        lanes.free(lane);
    }
    assert!(lanes.queue.is_none());
    assert_eq!((lanes.blocks.len(), lanes.blocks[0].lanes.len()), (1, 1));
}

#[test]
fn each_lane_goes_first_by_turns_also_where_a_turn_gets_round_only_some() {
    const TURN: usize = 255;
    for count in [TURN, TURN + 1, 300, 512, 1_000] {
        let mut fixture = Fixture::new(count);
        let (mut first, mut visits) = (vec![0; count], vec![0; count]);
        fixture.wake(0..count);
        for _ in 0..2 * count {
            fixture.lanes.rotate();
            fixture.find();
            fixture.lanes.begin_round();
            let visited: Vec<_> = (0..TURN).map_while(|_| fixture.lanes.next()).collect();
            first[visited[0]] += 1;
            // Each wakes itself when the turn is over.
            fixture.wake(visited.iter().copied());
            visited.into_iter().for_each(|lane| visits[lane] += 1);
        }
        assert!(first.iter().all(|times| (1..=4).contains(times)), "of {count}: {first:?}");
        let (least, most) = (visits.iter().min().unwrap(), visits.iter().max().unwrap());
        assert!(least * 4 > *most, "of {count}: {least} to {most}");
    }
}

#[test]
fn a_free_lane_that_is_woken_leads_no_turn() {
    let mut fixture = Fixture::new(2 * LANES);
    fixture.lanes.free(5);
    let mut leaders = Vec::new();
    for _ in 0..4 {
        fixture.wake([5, 3, LANES]);
        fixture.lanes.rotate();
        leaders.push(fixture.round()[0]);
    }
    assert_eq!(leaders, [3, LANES, 3, LANES]);
}

#[test]
fn a_nursery_settles_without_a_round_for_nothing() {
    let driver = Arc::new(DriverWaker::default());
    let mut lanes = Lanes::new(&driver);
    let lane = (0..=LANES).map(|_| lanes.take(|| ())).last().unwrap();
    let wakes = Arc::new(Wakes::default());
    driver.enter(&Waker::from(Arc::clone(&wakes)), &mut None);
    lanes.wait(lane);
    assert!(lanes.has_woken());
    lanes.settle();
    assert!(!lanes.has_woken());
    assert!(driver.rest());
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
}

#[test]
fn a_late_wake_of_a_block_that_was_given_up_tells_nothing() {
    let lanes = (KEPT + 1) * LANES;
    let mut fixture = Fixture::new(lanes);
    // The first block is the last to be idle, when enough are kept.
    (LANES..lanes).chain(0..LANES).for_each(|lane| fixture.lanes.free(lane));
    fixture.round();
    fixture.wakes();
    fixture.wake([0, 1]);
    assert_eq!(fixture.wakes(), 0);
}

#[test]
fn blocks_that_a_turn_empties_are_kept_for_the_next() {
    let lanes = KEPT * LANES;
    let mut fixture = Fixture::new(lanes);
    (0..lanes).for_each(|lane| fixture.lanes.free(lane));
    for _ in 0..lanes {
        let lane = fixture.lanes.take(|| unreachable!("there are enough places"));
        assert!(fixture.lanes.lane(lane).1.will_wake(&fixture.wakers[lane]));
    }
}

#[test]
fn the_queue_is_polled_only_where_one_of_its_words_was_woken() {
    let mut fixture = Fixture::new(2 * LANES);
    // No wake goes through the queue, so there is nothing to register for either.
    let polled = during(|| {
        for _ in 0..FEW {
            fixture.wake([0]);
            assert_eq!(fixture.round(), [0]);
        }
    });
    assert_eq!(polled.queue, 0);
    fixture.wake([LANES]);
    assert_eq!(during(|| assert_eq!(fixture.round(), [LANES])).queue, 1);
}

#[test]
fn a_block_that_has_room_again_and_again_is_listed_once() {
    let mut fixture = Fixture::new(2 * LANES);
    for _ in 0..FEW {
        fixture.lanes.free(0);
        assert_eq!(fixture.lanes.take(|| ()), 0);
    }
    // Were it listed twice, the list would have no end.
    let Lanes { roomy, blocks, .. } = &mut fixture.lanes;
    assert_eq!(std::iter::from_fn(|| roomy.pop(blocks)).take(3).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_leader_is_looked_for_in_as_many_blocks_as_a_turn_visits() {
    let blocks = budget::TURN as usize + 2;
    let mut fixture = Fixture::new(blocks * LANES);
    // The first block is visited before the others, and these in the order of their wakes.
    fixture.wake((0..blocks).rev().map(|block| block * LANES));
    fixture.lanes.rotate();
    assert_eq!(fixture.round()[0], 3 * LANES);
}

#[test]
fn a_block_without_lanes_is_used_where_no_other_has_room() {
    let mut fixture = Fixture::new((KEPT + 2) * LANES);
    fixture.lanes.free(0);
    // The second block is the last to be idle. It gives its lanes up, and is the first in the list.
    (LANES..(KEPT + 2) * LANES).rev().for_each(|lane| fixture.lanes.free(lane));
    for _ in 0..KEPT * LANES + 1 {
        fixture.lanes.take(|| unreachable!("other blocks have free lanes"));
    }
    assert_eq!(fixture.lanes.take(|| ()), LANES);
}
