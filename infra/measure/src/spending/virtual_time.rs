//! Virtual time: tasks that run one after the other, and a clock that jumps to the next moment at which one goes on.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A moment or a duration of virtual time, in microseconds.
pub(crate) type Micros = u64;

/// The time; clones are one clock.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Moments>>);

#[derive(Default)]
struct Moments {
    now: Micros,
    /// Who sleeps until when; the number tells those of one moment apart, first come first.
    sleepers: BTreeMap<(Micros, u64), Waker>,
    next: u64,
}

impl Clock {
    pub(crate) fn now(&self) -> Micros {
        self.moments().now
    }

    pub(crate) fn sleep(&self, micros: Micros) -> Sleep {
        self.sleep_until(self.now() + micros)
    }

    pub(crate) fn sleep_until(&self, at: Micros) -> Sleep {
        Sleep { clock: self.clone(), at, waits: false }
    }

    /// Wakes whoever sleeps the shortest; whether there is anyone.
    fn go_on(&self) -> bool {
        let mut moments = self.moments();
        let Some(((at, _), waker)) = moments.sleepers.pop_first() else { return false };
        moments.now = moments.now.max(at);
        drop(moments);
        waker.wake();
        true
    }

    fn moments(&self) -> MutexGuard<'_, Moments> {
        locked(&self.0)
    }
}

/// Nobody else runs meanwhile: it is never held by another.
pub(crate) fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends at its moment.
pub(crate) struct Sleep {
    clock: Clock,
    at: Micros,
    waits: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut moments = self.clock.moments();
        if moments.now >= self.at {
            return Poll::Ready(());
        }
        if !self.waits {
            let place = (self.at, moments.next);
            moments.next += 1;
            moments.sleepers.insert(place, context.waker().clone());
        }
        drop(moments);
        self.waits = true;
        Poll::Pending
    }
}

/// Tasks that share a clock.
pub(crate) struct Tasks<'a> {
    clock: Clock,
    tasks: Vec<Option<Pin<Box<dyn Future<Output = ()> + 'a>>>>,
    ready: Arc<Ready>,
}

/// The numbers of the tasks that can go on, in the order in which they were woken.
#[derive(Default)]
struct Ready(Mutex<VecDeque<usize>>);

struct Task {
    number: usize,
    ready: Arc<Ready>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.ready.all().push_back(self.number);
    }
}

impl Ready {
    fn all(&self) -> MutexGuard<'_, VecDeque<usize>> {
        locked(&self.0)
    }

    fn next(&self) -> Option<usize> {
        self.all().pop_front()
    }
}

impl<'a> Tasks<'a> {
    pub(crate) fn new(clock: &Clock) -> Tasks<'a> {
        Tasks { clock: clock.clone(), tasks: Vec::new(), ready: Arc::default() }
    }

    pub(crate) fn add(&mut self, task: impl Future<Output = ()> + 'a) {
        self.ready.all().push_back(self.tasks.len());
        self.tasks.push(Some(Box::pin(task)));
    }

    /// Runs until all have ended; those that wait for nothing that comes are an error.
    pub(crate) fn run(mut self) -> Result<(), String> {
        loop {
            while let Some(number) = self.ready.next() {
                self.poll(number);
            }
            if !self.clock.go_on() {
                break;
            }
        }
        let left = self.tasks.iter().flatten().count();
        if left == 0 { Ok(()) } else { Err(format!("{left} tasks never ended")) }
    }

    fn poll(&mut self, number: usize) {
        let waker = Waker::from(Arc::new(Task { number, ready: Arc::clone(&self.ready) }));
        let Some(place) = self.tasks.get_mut(number) else { return };
        if let Some(task) = place
            && task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            *place = None;
        }
    }
}
