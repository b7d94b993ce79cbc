//! Turns: of many that want to do something large, only a few do it at once, in the order in which they asked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures::channel::oneshot;

/// Who is at it and who waits. Clones are the same queue.
#[derive(Clone)]
pub(in crate::pages::customers) struct Turns(Rc<RefCell<Queue>>);

struct Queue {
    free: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The right to go on; given to the next when it is dropped.
pub(in crate::pages::customers) struct Turn(Turns);

impl Turns {
    pub(in crate::pages::customers) fn new(at_once: usize) -> Self {
        Self(Rc::new(RefCell::new(Queue {
            free: at_once,
            waiting: VecDeque::new(),
        })))
    }

    /// Waits for a turn. Nobody waits for one whose wait was dropped.
    pub(in crate::pages::customers) async fn take(&self) -> Turn {
        let turn = {
            let mut queue = self.0.borrow_mut();
            if queue.free > 0 {
                queue.free -= 1;
                return Turn(self.clone());
            }
            let (give, turn) = oneshot::channel();
            queue.waiting.push_back(give);
            turn
        };
        match turn.await {
            Ok(turn) => turn,
            // The queue holds every sender until it has sent, and this holds the queue: it does not come to this.
            Err(oneshot::Canceled) => Turn(self.clone()),
        }
    }

    fn give_on(&self) {
        let next = self.0.borrow_mut().waiting.pop_front();
        match next {
            // If nobody waits behind it any more, the turn that comes back is dropped, and given on by that.
            Some(next) => drop(next.send(Turn(self.clone()))),
            None => self.0.borrow_mut().free += 1,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.give_on();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn only_so_many_go_at_once_and_the_next_in_order() {
        let turns = Turns::new(2);
        let first = turns.take().now_or_never();
        let second = turns.take().now_or_never();
        assert!(first.is_some() && second.is_some());
        let mut third = Box::pin(turns.take());
        let mut fourth = Box::pin(turns.take());
        assert!(
            third.as_mut().now_or_never().is_none() && fourth.as_mut().now_or_never().is_none()
        );
        drop(first);
        let third = third.as_mut().now_or_never();
        assert!(third.is_some() && fourth.as_mut().now_or_never().is_none());
        drop(second);
        assert!(fourth.as_mut().now_or_never().is_some());
    }

    #[test]
    fn a_turn_that_nobody_waits_for_any_more_is_not_lost() {
        let turns = Turns::new(1);
        let first = turns.take().now_or_never();
        let mut gone = Box::pin(turns.take());
        assert!(gone.as_mut().now_or_never().is_none());
        let mut waits = Box::pin(turns.take());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(first);
        // It was given its turn, but goes away before it learns of it.
        drop(gone);
        assert!(waits.as_mut().now_or_never().is_some());
    }
}
