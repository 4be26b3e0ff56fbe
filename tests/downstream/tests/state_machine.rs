//! proptest-state-machine and the kit: what the tasks are told, and each choice of the schedule,
//! are the transitions of one machine. So a run that fails shrinks in both.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use nestling::testing::{Counters, Executor, Hazards, Task, Tracked};
use nestling_downstream::{Fault, Sender, faulty};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

const SENDERS: usize = 2;

/// What the channel is to be: a queue for each sender, whichever task runs first.
#[derive(Clone, Debug, Default)]
struct Model {
    fault: Option<Fault>,
    /// How many values each sender was told to send.
    sent: [u32; SENDERS],
    is_dropped: [bool; SENDERS],
    /// How many values the receiver was told to receive.
    asked: usize,
    receiver_is_dropped: bool,
}

#[derive(Clone, Debug)]
enum Transition {
    Send(usize),
    Receive,
    /// Polls a task, and chooses by this number which.
    Poll(u8),
    /// Polls until all tasks rest.
    Rest,
    DropSender(usize),
    DropReceiver,
}

struct Machine;

impl ReferenceStateMachine for Machine {
    type State = Model;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Transition> {
        prop_oneof![
            8 => (0..SENDERS).prop_map(Transition::Send),
            6 => Just(Transition::Receive),
            16 => any::<u8>().prop_map(Transition::Poll),
            2 => Just(Transition::Rest),
            1 => (0..SENDERS).prop_map(Transition::DropSender),
            1 => Just(Transition::DropReceiver),
        ]
        .boxed()
    }

    fn apply(mut model: Model, transition: &Transition) -> Model {
        match *transition {
            Transition::Send(sender) => model.sent[sender] += 1,
            Transition::Receive => model.asked += 1,
            Transition::Poll(_) | Transition::Rest => {}
            Transition::DropSender(sender) => model.is_dropped[sender] = true,
            Transition::DropReceiver => model.receiver_is_dropped = true,
        }
        model
    }

    fn preconditions(model: &Model, transition: &Transition) -> bool {
        match *transition {
            Transition::Send(sender) | Transition::DropSender(sender) => !model.is_dropped[sender],
            Transition::Receive | Transition::DropReceiver => !model.receiver_is_dropped,
            Transition::Poll(_) | Transition::Rest => true,
        }
    }
}

type Value = Tracked<(usize, u32)>;

/// The channel, and tasks that do with it what they are told.
struct Real {
    executor: Executor<'static>,
    /// The choices that were not made so far.
    choices: Arc<Mutex<VecDeque<usize>>>,
    tasks: Vec<Task<()>>,
    orders: Vec<UnboundedSender<Value>>,
    asks: UnboundedSender<()>,
    received: Rc<RefCell<Vec<(usize, u32)>>>,
    counters: Counters,
}

async fn send(sender: Sender<Value>, mut orders: UnboundedReceiver<Value>) {
    while let Some(value) = orders.next().await {
        if sender.send(value).await.is_err() {
            break;
        }
    }
}

impl Real {
    fn new(fault: Fault) -> Self {
        let choices: Arc<Mutex<VecDeque<usize>>> = Arc::default();
        let made = Arc::clone(&choices);
        let choose = move |n| made.lock().unwrap().pop_front().unwrap_or(0) * n / 256;
        // Where wakes are also late or double, a poll takes more choices than one.
        let hazards = Hazards::none().fresh_wakers(true);
        let mut executor = Executor::from_choices(choose).hazards(hazards);
        let (sender, mut receiver) = faulty(1, fault);
        let (mut tasks, mut orders) = (Vec::new(), Vec::new());
        for _ in 0..SENDERS {
            let (order, ordered) = unbounded();
            tasks.push(executor.spawn(send(sender.clone(), ordered)));
            orders.push(order);
        }
        let (asks, mut asked) = unbounded();
        let received: Rc<RefCell<Vec<_>>> = Rc::default();
        let into = Rc::clone(&received);
        tasks.push(executor.spawn(async move {
            while asked.next().await.is_some() {
                let Some(value) = receiver.recv().await else { break };
                into.borrow_mut().push(*value);
            }
        }));
        Self { executor, choices, tasks, orders, asks, received, counters: Counters::new() }
    }
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Real;
    type Reference = Self;

    fn init_test(model: &Model) -> Real {
        Real::new(model.fault.unwrap_or(Fault::None))
    }

    fn apply(mut real: Real, model: &Model, transition: Transition) -> Real {
        match transition {
            Transition::Send(sender) => {
                let value = (sender, model.sent[sender]);
                drop(real.orders[sender].unbounded_send(real.counters.track(value)));
            }
            Transition::Receive => drop(real.asks.unbounded_send(())),
            Transition::Poll(choice) => {
                real.choices.lock().unwrap().push_back(choice.into());
                real.executor.step();
                // Where one task alone was woken, nothing was asked for.
                real.choices.lock().unwrap().clear();
            }
            Transition::Rest => {
                // All rest in the end, as the tasks wait for orders.
                let rest = real.executor.run();
                let received = real.received.borrow();
                let is_owed = |sender: &usize| {
                    let numbers = received.iter().filter(|value| value.0 == *sender).count();
                    !model.is_dropped[*sender] && numbers < model.sent[*sender] as usize
                };
                let receives = !model.receiver_is_dropped && received.len() < model.asked;
                if receives && let Some(sender) = (0..SENDERS).find(is_owed) {
                    panic!("the receiver waits, and so does sender {sender}: {rest:?}");
                }
            }
            Transition::DropSender(sender) => real.executor.abandon(&real.tasks[sender]),
            Transition::DropReceiver => real.executor.abandon(&real.tasks[SENDERS]),
        }
        real
    }

    fn teardown(real: Real) {
        let counters = real.counters.clone();
        drop(real);
        counters.assert_nothing_left();
    }

    /// Each sender's values come in order, and none is left out.
    fn check_invariants(real: &Real, model: &Model) {
        for sender in 0..SENDERS {
            let received = real.received.borrow();
            let of_sender = received.iter().filter(|value| value.0 == sender).map(|value| value.1);
            let numbers: Vec<u32> = of_sender.collect();
            assert!(numbers.iter().copied().eq(1..=numbers.len() as u32), "{numbers:?}");
            assert!(numbers.len() <= model.sent[sender] as usize);
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn the_channel_is_a_queue_for_each_sender(sequential 1..50 => Machine);
}

/// The transitions that a fault shrinks to. From which it comes is always the same, as some cases
/// shrink less than others.
fn found(fault: Fault) -> (String, Vec<Transition>) {
    let strategy = Machine::sequential_strategy(1..50);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[2; 32]);
    let failed =
        TestRunner::new_with_rng(config(), rng).run(&strategy, |(mut model, transitions, seen)| {
            model.fault = Some(fault);
            Machine::test_sequential(config(), model, transitions, seen);
            Ok(())
        });
    let Err(TestError::Fail(reason, (_, transitions, _))) = failed else {
        panic!("not found: {failed:?}");
    };
    (reason.message().to_owned(), transitions)
}

#[test]
fn a_lost_wake_shrinks_to_few_transitions() {
    let (message, transitions) = found(Fault::LostWake);
    assert!(message.starts_with("the receiver waits, and so does sender "), "{message}");
    assert!(transitions.len() < 25, "{transitions:?}");
    println!("{transitions:?}");
}

#[test]
fn a_double_drop_shrinks_to_few_transitions() {
    let (message, transitions) = found(Fault::DoubleDrop);
    assert!(message.contains("dropped_twice: 1"), "{message}");
    assert!(transitions.len() < 25, "{transitions:?}");
    println!("{transitions:?}");
}
