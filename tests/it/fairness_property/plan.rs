//! What a random run consists of, and how long each of its parties may wait.

use proptest::collection::vec;
use proptest::prelude::*;

use super::board::Pace;

/// How many short children of one spawner there are at once at most.
pub(super) const SHORT: usize = 4;

/// A nursery, or a pool, and what runs in it.
#[derive(Clone, Debug)]
pub(super) struct Nest {
    pub(super) form: Form,
    pub(super) members: Vec<Member>,
    /// Its deadline.
    pub(super) deadline: Option<Pace>,
    /// It is cancelled after a while. Its grace, which is a party too, lets all go on.
    pub(super) cancelled: bool,
}

/// How a nest is driven.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Join,
    /// With a body.
    Run(Pace),
    /// By `next`, for children that end at once, and are spawned again.
    Next,
    /// By an owner that waits for a slot, for one child after the other.
    Reserve,
    /// By a pool. Its source gives an item as soon as another has ended.
    Pool,
    /// By a pool whose lanes are on the executor. Its source is a stream, which may be pending, or
    /// an iterator. Its short items yield so often.
    PoolOn {
        stream: bool,
        yields: usize,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Member {
    One(Pace),
    /// So many busy ones.
    Many(usize),
    /// It wakes parked parties of any nest.
    Waker,
    /// It spawns short children for ever.
    Spawner,
    /// It has a timeout.
    Timed(Pace, Pace),
    /// It was cancelled by its handle, and has a grace.
    Graced(Pace),
    Nest(Nest),
}

impl Nest {
    /// How many parties the driver of this nest polls, those in a nest as one.
    pub(super) fn width(&self) -> usize {
        let beside = match self.form {
            Form::Join => 0,
            Form::Run(_) | Form::Next | Form::Reserve | Form::Pool => 1,
            // It polls the source. The executor polls the lanes.
            Form::PoolOn { .. } => return 1,
        };
        beside + self.members.iter().map(Member::width).sum::<usize>()
    }

    /// What it costs at most to poll each party once, in polls of the budget. The round costs one,
    /// and what ends costs another when it is handed out.
    fn cost(&self) -> usize {
        if let Form::PoolOn { .. } = self.form {
            // Twice the limit are pulled, and as many may have ended. Each lane is spawned.
            return 2 + 5 * self.lanes();
        }
        let inside = |member: &Member| match member {
            Member::Nest(nest) => nest.cost(),
            _ => 0,
        };
        2 + 2 * self.width() + self.members.iter().map(inside).sum::<usize>()
    }

    /// In how many turns each party of the outermost nest is polled.
    ///
    /// A turn has 256 polls. Three kinds share them, so each has 85 in the first round at least. If
    /// all parties together take no more than 60, each is polled in each turn. One that is woken
    /// too late for this turn is polled in the next.
    ///
    /// If they take more, or the owner or the source has always one more, each kind goes on in the
    /// next turn where it stopped, so all have their turn in as many turns as they take shares.
    ///
    /// The driver of a pool on the executor polls its source, and no item: each lane has its own
    /// turns. It records all ends at once. These may leave nothing of the turn to the source, but
    /// not twice.
    ///
    /// Where a nest may spend a turn whole, only the one that goes first is sure of its poll. That
    /// is another in each turn, or in every third where other kinds go first in between.
    pub(super) fn bound(&self) -> usize {
        if let Form::PoolOn { .. } = self.form {
            3
        } else if self.members.iter().any(Member::spends_all) {
            3 * (self.width() + 1) + 2
        } else if self.cost() > 60 || self.spends_all() {
            2 + self.cost().div_ceil(80)
        } else {
            2
        }
    }

    /// Whether there is always one more: an item, or an end to hand out.
    fn spends_all(&self) -> bool {
        matches!(self.form, Form::Next | Form::Reserve | Form::Pool)
    }

    /// How many children the owner spawns at first, or how many items the source gives at first.
    pub(super) fn children(&self) -> usize {
        let many = |member: &Member| match member {
            Member::Many(count) => *count,
            _ => 1,
        };
        self.members.iter().map(many).sum()
    }

    /// The limit of a pool: each of its first items has a lane, and so has one of those that
    /// follow.
    pub(super) fn lanes(&self) -> usize {
        self.children() + 1
    }

    /// In how many turns each party of a nest is polled that is polled itself every `outer` turns.
    ///
    /// A nest has eight polls when it is polled, of which the round costs one, and each kind has
    /// two. If nothing is left of the turn it waits for its next poll, but not twice in a row.
    /// Where an owner or a source takes all, others have their turn when the nest itself goes
    /// first, as above.
    pub(super) fn bound_within(&self, outer: usize) -> usize {
        if self.spends_all() { outer * self.bound() } else { 2 * outer * (self.width() / 2 + 2) }
    }
}

impl Member {
    /// Whether it may use up what is left of a turn: a nest that does so, or one of many parties.
    fn spends_all(&self) -> bool {
        let Self::Nest(nest) = self else { return false };
        if let Form::PoolOn { .. } = nest.form {
            return nest.cost() > 60;
        }
        nest.spends_all() || nest.cost() > 60 || nest.members.iter().any(Self::spends_all)
    }

    fn width(&self) -> usize {
        match self {
            Self::Many(count) => *count,
            Self::Spawner => 1 + SHORT,
            Self::One(_) | Self::Waker | Self::Timed(..) | Self::Graced(_) | Self::Nest(_) => 1,
        }
    }
}

fn pace() -> impl Strategy<Value = Pace> {
    prop_oneof![Just(Pace::Busy), (1..12_usize).prop_map(Pace::Parked)]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Join),
        pace().prop_map(Form::Run),
        Just(Form::Next),
        Just(Form::Reserve),
        Just(Form::Pool),
        (any::<bool>(), 0..4_usize).prop_map(|(stream, yields)| Form::PoolOn { stream, yields }),
    ]
}

fn simple() -> impl Strategy<Value = Member> {
    prop_oneof![
        4 => pace().prop_map(Member::One),
        1 => Just(Member::Waker),
        1 => Just(Member::Spawner),
        1 => (pace(), pace()).prop_map(|(child, timer)| Member::Timed(child, timer)),
        1 => pace().prop_map(Member::Graced),
    ]
}

fn nest_of(members: impl Strategy<Value = Vec<Member>>) -> impl Strategy<Value = Nest> {
    let options = (proptest::option::of(pace()), proptest::bool::weighted(0.3));
    (form(), members, options).prop_map(|(form, members, (deadline, cancelled))| {
        // A pool has neither.
        let is_pool = matches!(form, Form::Pool | Form::PoolOn { .. });
        let deadline = deadline.filter(|_| !is_pool);
        Nest { form, members, deadline, cancelled: cancelled && !is_pool }
    })
}

fn nested() -> impl Strategy<Value = Nest> {
    let leaf = nest_of(vec(simple(), 1..5)).boxed();
    leaf.prop_recursive(1, 8, 3, |inner| {
        let member = prop_oneof![2 => simple(), 1 => inner.prop_map(Member::Nest)];
        nest_of(vec(member, 1..4)).boxed()
    })
}

/// Nests in nests, each of a few parties.
pub(super) fn small() -> impl Strategy<Value = Nest> {
    let member = prop_oneof![3 => simple(), 2 => nested().prop_map(Member::Nest)];
    nest_of(vec(member, 1..7))
}

/// More busy children than a block of lanes holds, and a few parties among them.
pub(super) fn wide() -> impl Strategy<Value = Nest> {
    let nest = nest_of(vec(simple(), 1..5));
    (nest, 60..400_usize, any::<bool>()).prop_map(|(mut nest, busy, first)| {
        let at = if first { 0 } else { nest.members.len() };
        nest.members.insert(at, Member::Many(busy));
        nest
    })
}
