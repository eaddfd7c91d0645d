//! The processes of one adapter, their free threads, and the calls that wait for one.
//!
//! A call gets a seat: the right to be inside one process until the seat is dropped. It goes to the process with the most
//! free threads; when there is none, the call waits in one queue for all processes, first come, first served.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;

/// Seats and queue.
pub(super) struct Pool {
    /// Held for a few instructions; the queue is short.
    state: Mutex<State>,
    queue_limit: usize,
    /// Something ended; for the one that waits until all has.
    released: Notify,
}

struct State {
    processes: Vec<Process>,
    waiting: VecDeque<Waiting>,
    next_ticket: u64,
    /// Seats of all processes, of ended ones too.
    taken: usize,
    closed: bool,
}

/// One process of the pool, or the place for one.
#[derive(Default)]
struct Process {
    /// None while there is none that takes calls.
    connection: Option<Arc<Connection>>,
    /// Tells the seats of this process from those of the one before it.
    generation: u64,
    concurrency: u32,
    free: u32,
    /// Seats that were taken in it.
    calls: u64,
}

struct Waiting {
    ticket: u64,
    sender: oneshot::Sender<Seat>,
}

/// Why there is no seat.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum NoSeat {
    /// So many wait already.
    QueueFull(usize),
    /// The time was over; whether there was a process at all.
    Late { any_process: bool },
    /// All that waited were sent away.
    Dismissed,
}

/// How busy a process is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Load {
    pub(super) ready: bool,
    pub(super) inside: u32,
    /// Seats that were ever taken in it.
    pub(super) calls: u64,
}

impl Pool {
    pub(super) fn new(processes: usize, queue_limit: usize) -> Arc<Self> {
        let state = State {
            processes: (0..processes).map(|_| Process::default()).collect(),
            waiting: VecDeque::new(),
            next_ticket: 0,
            taken: 0,
            closed: false,
        };
        Arc::new(Self { state: Mutex::new(state), queue_limit, released: Notify::new() })
    }

    /// A seat at once, if there is one and nobody waits for it.
    pub(super) fn try_seat(self: &Arc<Self>) -> Option<Seat> {
        let mut state = self.lock();
        if state.closed || !state.waiting.is_empty() {
            return None;
        }
        let index = state.roomiest()?;
        state.take(self, index)
    }

    /// Waits for a seat.
    pub(super) async fn seat(self: &Arc<Self>, deadline: Instant) -> Result<Seat, NoSeat> {
        let (place, receiver) = self.queue_up()?;
        let seat = timeout_at(deadline, receiver).await;
        drop(place);
        match seat {
            Ok(Ok(seat)) => Ok(seat),
            Ok(Err(_)) => Err(NoSeat::Dismissed),
            Err(_) => Err(NoSeat::Late { any_process: self.any_ready() }),
        }
    }

    fn queue_up(self: &Arc<Self>) -> Result<(Place, oneshot::Receiver<Seat>), NoSeat> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.closed {
            return Err(NoSeat::Dismissed);
        }
        if state.waiting.len() >= self.queue_limit {
            return Err(NoSeat::QueueFull(self.queue_limit));
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(Waiting { ticket, sender });
        // A seat may have become free since the caller looked.
        self.hand_out(&mut state);
        drop(state);
        Ok((Place { pool: self.clone(), ticket }, receiver))
    }

    /// From now on the process takes calls, so many at once.
    pub(super) fn publish(self: &Arc<Self>, index: usize, connection: Arc<Connection>, concurrency: u32) {
        let mut state = self.lock();
        let Some(process) = state.processes.get_mut(index) else { return };
        process.connection = Some(connection);
        process.generation += 1;
        (process.concurrency, process.free) = (concurrency, concurrency);
        self.hand_out(&mut state);
    }

    /// The process takes no more calls.
    pub(super) fn withdraw(&self, index: usize) {
        if let Some(process) = self.lock().processes.get_mut(index) {
            process.connection = None;
            process.generation += 1;
            (process.concurrency, process.free) = (0, 0);
        }
    }

    /// Sends away all calls that wait.
    pub(super) fn dismiss(&self) {
        // The receivers are woken when the lock is free again.
        let waiting = std::mem::take(&mut self.lock().waiting);
        drop(waiting);
    }

    /// Gives out no more seats.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.dismiss();
    }

    /// Waits until nothing is inside or waiting.
    pub(super) async fn drained(&self) {
        loop {
            let released = self.released.notified();
            {
                let state = self.lock();
                if state.taken == 0 && state.waiting.is_empty() {
                    return;
                }
            }
            released.await;
        }
    }

    pub(super) fn any_ready(&self) -> bool {
        self.lock().processes.iter().any(|process| process.connection.is_some())
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Of each process.
    pub(super) fn loads(&self) -> Vec<Load> {
        self.lock().processes.iter().map(Process::load).collect()
    }

    pub(super) fn load(&self, index: usize) -> Load {
        self.lock().processes.get(index).map(Process::load).unwrap_or_default()
    }

    /// Gives free seats to those that wait.
    fn hand_out(self: &Arc<Self>, state: &mut State) {
        while !state.waiting.is_empty()
            && let Some(index) = state.roomiest()
            && let Some(seat) = state.take(self, index)
            && let Some(first) = state.waiting.pop_front()
        {
            if let Err(mut seat) = first.sender.send(seat) {
                // It gave up just now. Its drop would want the lock that is held here.
                seat.given_back = true;
                state.give_back(seat.index, seat.generation);
            }
        }
    }

    fn release(self: &Arc<Self>, index: usize, generation: u64) {
        let mut state = self.lock();
        state.give_back(index, generation);
        self.hand_out(&mut state);
        let idle = state.taken == 0;
        drop(state);
        if idle {
            self.released.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The process with the most free threads, if any has one.
    fn roomiest(&self) -> Option<usize> {
        let free = self.processes.iter().enumerate().filter(|(_, process)| process.free > 0);
        // The last of equals in reversed order is the first one.
        free.rev().max_by_key(|(_, process)| process.free).map(|(index, _)| index)
    }

    fn take(&mut self, pool: &Arc<Pool>, index: usize) -> Option<Seat> {
        let process = self.processes.get_mut(index)?;
        let connection = process.connection.clone()?;
        process.free -= 1;
        process.calls += 1;
        self.taken += 1;
        let generation = process.generation;
        Some(Seat { pool: pool.clone(), connection, index, generation, given_back: false })
    }

    fn give_back(&mut self, index: usize, generation: u64) {
        self.taken -= 1;
        if let Some(process) = self.processes.get_mut(index)
            && process.generation == generation
        {
            process.free += 1;
        }
    }
}

impl Process {
    fn load(&self) -> Load {
        let inside = self.concurrency - self.free;
        Load { ready: self.connection.is_some(), inside, calls: self.calls }
    }
}

/// The right to be inside a process.
pub(super) struct Seat {
    pool: Arc<Pool>,
    connection: Arc<Connection>,
    index: usize,
    generation: u64,
    given_back: bool,
}

impl Seat {
    /// The process.
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.given_back {
            self.pool.release(self.index, self.generation);
        }
    }
}

/// A place in the queue; dropping it leaves the queue.
struct Place {
    pool: Arc<Pool>,
    ticket: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.waiting.retain(|waiting| waiting.ticket != self.ticket);
        let idle = state.taken == 0 && state.waiting.is_empty();
        drop(state);
        if idle {
            self.pool.released.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::runtime;
    use tokio::task::JoinHandle;

    use super::*;

    fn connection() -> Arc<Connection> {
        let (ours, _) = tokio::net::UnixStream::pair().unwrap();
        Arc::new(Connection::new(ours.into_split().1))
    }

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn a_call_goes_to_the_process_with_the_most_free_threads() {
        let pool = Pool::new(3, 1);
        (0..3).for_each(|index| pool.publish(index, connection(), [1, 3, 2][index]));
        let seats: Vec<_> = (0..6).map(|_| pool.try_seat().unwrap()).collect();
        assert_eq!(seats.iter().map(|seat| seat.index).collect::<Vec<_>>(), [1, 1, 2, 0, 1, 2]);
        assert!(pool.try_seat().is_none());
    }

    #[tokio::test]
    async fn those_that_wait_are_served_in_their_order_and_nobody_passes_them() {
        let pool = Pool::new(1, 2);
        let waiting = [pool.queue_up().unwrap(), pool.queue_up().unwrap()];
        assert!(matches!(pool.seat(in_a_minute()).await, Err(NoSeat::QueueFull(2))));
        pool.publish(0, connection(), 1);
        let [(first_place, first), (second_place, mut second)] = waiting;
        let seat = first.await.unwrap();
        drop(first_place);
        assert!(second.try_recv().is_err() && pool.try_seat().is_none());
        drop(seat);
        let seat = second.await.unwrap();
        drop((second_place, seat));
        assert!(pool.try_seat().is_some());
    }

    #[tokio::test]
    async fn a_seat_of_a_process_that_is_gone_frees_no_thread_of_the_next_one() {
        let pool = Pool::new(1, 0);
        pool.publish(0, connection(), 1);
        let old = pool.try_seat().unwrap();
        pool.withdraw(0);
        assert!(pool.try_seat().is_none());
        pool.publish(0, connection(), 1);
        let new = pool.try_seat().unwrap();
        drop(old);
        assert!(pool.try_seat().is_none());
        drop(new);
        pool.drained().await;
    }

    #[tokio::test]
    async fn whoever_is_sent_away_or_late_is_told_which() {
        let pool = Pool::new(1, 2);
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.seat(in_a_minute()).await.err() }
        });
        while pool.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        pool.dismiss();
        assert_eq!(waiting.await.unwrap(), Some(NoSeat::Dismissed));
        let late = pool.seat(Instant::now()).await.err();
        assert_eq!((late, pool.waiting()), (Some(NoSeat::Late { any_process: false }), 0));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Publish(usize, u32),
        Withdraw(usize),
        Call,
        Return(usize),
        GiveUp(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            2 => (0..3_usize, 1..4_u32).prop_map(|(index, threads)| Step::Publish(index, threads)),
            1 => (0..3_usize).prop_map(Step::Withdraw),
            8 => Just(Step::Call),
            5 => any::<usize>().prop_map(Step::Return),
            2 => any::<usize>().prop_map(Step::GiveUp),
        ];
        proptest::collection::vec(step, 0..80)
    }

    /// Those that wait, as tasks, and the seats that were given.
    #[derive(Default)]
    struct Callers {
        waiting: Vec<JoinHandle<Result<Seat, NoSeat>>>,
        seated: Vec<Seat>,
    }

    impl Callers {
        async fn settle(&mut self) {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            for index in (0..self.waiting.len()).rev() {
                if self.waiting[index].is_finished() {
                    let seat = self.waiting.remove(index).await.unwrap();
                    self.seated.extend(seat.ok());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_process_is_ever_overfull_and_nobody_waits_beside_a_free_thread(steps in steps()) {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let pool = Pool::new(3, 1000);
                let mut callers = Callers::default();
                for step in steps {
                    match step {
                        Step::Publish(index, threads) => pool.publish(index, connection(), threads),
                        Step::Withdraw(index) => pool.withdraw(index),
                        Step::Call => {
                            let pool = pool.clone();
                            callers.waiting.push(tokio::spawn(async move { pool.seat(in_a_minute()).await }));
                        }
                        Step::Return(which) if !callers.seated.is_empty() => {
                            let which = which % callers.seated.len();
                            drop(callers.seated.swap_remove(which));
                        }
                        Step::GiveUp(which) if !callers.waiting.is_empty() => {
                            let which = which % callers.waiting.len();
                            callers.waiting.swap_remove(which).abort();
                        }
                        Step::Return(_) | Step::GiveUp(_) => {}
                    }
                    callers.settle().await;
                    let state = pool.lock();
                    for (index, process) in state.processes.iter().enumerate() {
                        let present = |seat: &&Seat| (seat.index, seat.generation) == (index, process.generation);
                        let inside = callers.seated.iter().filter(present).count();
                        assert_eq!(process.load().inside as usize, inside);
                    }
                    assert_eq!(state.waiting.len(), callers.waiting.len());
                    assert!(state.waiting.is_empty() || state.roomiest().is_none());
                    assert_eq!(state.taken, callers.seated.len());
                }
            });
        }
    }
}
