//! Messages to send: written in order, stored until the relay answers, and written again after a
//! reconnect. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ferry_protocol::MessageId;

use crate::Backoff;

/// The number of sends that may be unanswered at a time. The rest waits here, in order. The relay
/// accepts 60 at once (`limits.send_burst`); half of that leaves room for a retry after a
/// reconnect.
const IN_FLIGHT_MAX: usize = 30;

struct Entry<T> {
    id: MessageId,
    frame: String,
    written: bool,
    // It is outstanding for some recipients only, and goes again at this time. The others do not
    // wait for it.
    not_before: Option<Instant>,
    waiter: T,
}

/// See the module's description. `T` waits for the answer. The caller bounds the number of
/// messages, by permits.
pub(crate) struct Outbox<T> {
    entries: VecDeque<Entry<T>>,
    // The relay rejected a message for a while. Nothing is written before this time, because later
    // messages would overtake it.
    paused_until: Option<Instant>,
    backoff: Backoff,
}

impl<T> Outbox<T> {
    pub(crate) fn new() -> Self {
        let backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
        Self { entries: VecDeque::new(), paused_until: None, backoff }
    }

    /// Adds a message. Returns the waiter if a message with this id is here already.
    pub(crate) fn push(&mut self, id: MessageId, frame: String, waiter: T) -> Result<(), T> {
        if self.entries.iter().any(|entry| entry.id == id) {
            return Err(waiter);
        }
        self.entries.push_back(Entry { id, frame, written: false, not_before: None, waiter });
        Ok(())
    }

    /// Returns the next frame to write. It counts as written after that.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(MessageId, String)> {
        if self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        self.paused_until = None;
        if self.is_full() {
            return None;
        }
        let is_due = |entry: &&mut Entry<T>| !entry.written && entry.not_before.is_none_or(|time| now >= time);
        let entry = self.entries.iter_mut().find(is_due)?;
        (entry.written, entry.not_before) = (true, None);
        Some((entry.id, entry.frame.clone()))
    }

    fn is_full(&self) -> bool {
        self.entries.iter().filter(|entry| entry.written).count() >= IN_FLIGHT_MAX
    }

    /// Returns the time when [`Outbox::next`] has a frame, if it only has to wait for a time.
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.is_full() {
            return None;
        }
        let waiting = self.entries.iter().filter(|entry| !entry.written);
        // An entry without a time of its own waits for the pause, or for an answer.
        waiting.filter_map(|entry| entry.not_before.max(self.paused_until)).min()
    }

    /// Removes a message after its final answer, and returns its waiter. Returns `None` if nobody
    /// asked for it.
    pub(crate) fn answered(&mut self, id: MessageId) -> Option<T> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        self.backoff.reset();
        self.entries.remove(at).map(|entry| entry.waiter)
    }

    /// Notes a temporary error. The message goes again after `retry_after`, or after a backoff
    /// that grows.
    pub(crate) fn refused_for_now(&mut self, id: MessageId, retry_after: Option<Duration>, now: Instant, random: f64) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else { return };
        entry.written = false;
        let wait = retry_after.unwrap_or_else(|| self.backoff.next(random));
        let until = now + wait;
        self.paused_until = Some(self.paused_until.map_or(until, |other| other.max(until)));
    }

    /// Notes that some recipients have the message, and others do not. It goes again after
    /// `retry_after`, or after a backoff that grows. Other messages go on meanwhile.
    pub(crate) fn outstanding(&mut self, id: MessageId, retry_after: Option<Duration>, now: Instant, random: f64) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else { return };
        entry.written = false;
        entry.not_before = Some(now + retry_after.unwrap_or_else(|| self.backoff.next(random)));
    }

    /// Notes that the connection is lost. All unanswered messages go again, in order.
    pub(crate) fn connection_lost(&mut self) {
        for entry in &mut self.entries {
            (entry.written, entry.not_before) = (false, None);
        }
        self.paused_until = None;
    }

    /// Removes the messages that are not written yet and that nobody waits for any more.
    pub(crate) fn keep_wanted(&mut self, wanted: impl Fn(&T) -> bool) {
        self.entries.retain(|entry| entry.written || wanted(&entry.waiter));
    }

    /// Removes all messages and returns their waiters.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.entries.drain(..).map(|entry| entry.waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(count: usize) -> (Outbox<usize>, Vec<MessageId>) {
        let mut outbox = Outbox::new();
        let ids: Vec<MessageId> = (0..count).map(|_| MessageId::new()).collect();
        for (at, id) in ids.iter().enumerate() {
            outbox.push(*id, at.to_string(), at).unwrap();
        }
        (outbox, ids)
    }

    fn written(outbox: &mut Outbox<usize>, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| outbox.next(now)).map(|(_, frame)| frame).collect()
    }

    #[test]
    fn what_was_not_answered_is_written_again_in_order_after_a_reconnect() {
        let (mut outbox, ids) = outbox(4);
        let now = Instant::now();
        assert_eq!(written(&mut outbox, now), ["0", "1", "2", "3"]);
        assert_eq!(outbox.answered(ids[1]), Some(1));
        assert_eq!(outbox.answered(ids[1]), None);
        outbox.connection_lost();
        assert_eq!(written(&mut outbox, now), ["0", "2", "3"]);
    }

    #[test]
    fn a_temporary_refusal_holds_everything_back_and_keeps_the_order() {
        let (mut outbox, ids) = outbox(2);
        let now = Instant::now();
        assert_eq!(outbox.next(now).unwrap().0, ids[0]);
        outbox.refused_for_now(ids[0], Some(Duration::from_secs(1)), now, 0.5);
        assert_eq!(outbox.next(now), None);
        let due = outbox.due().unwrap();
        assert_eq!(due, now + Duration::from_secs(1));
        assert_eq!(written(&mut outbox, due), ["0", "1"]);
    }

    #[test]
    fn a_message_that_is_outstanding_for_some_holds_nothing_back() {
        let (mut outbox, ids) = outbox(3);
        let now = Instant::now();
        assert_eq!(outbox.next(now).unwrap().0, ids[0]);
        outbox.outstanding(ids[0], Some(Duration::from_secs(9)), now, 0.5);
        assert_eq!(written(&mut outbox, now), ["1", "2"]);
        let due = outbox.due().unwrap();
        assert_eq!(due, now + Duration::from_secs(9));
        assert_eq!(written(&mut outbox, due), ["0"]);
        assert_eq!(outbox.due(), None);
    }

    #[test]
    fn only_so_many_are_unanswered_at_a_time() {
        let (mut outbox, ids) = outbox(IN_FLIGHT_MAX + 1);
        let now = Instant::now();
        assert_eq!(written(&mut outbox, now).len(), IN_FLIGHT_MAX);
        outbox.answered(ids[0]);
        assert_eq!(written(&mut outbox, now).len(), 1);
    }

    #[test]
    fn an_id_is_taken_once() {
        let (mut outbox, ids) = outbox(1);
        assert_eq!(outbox.push(ids[0], String::new(), 9), Err(9));
    }

    #[test]
    fn what_nobody_waits_for_is_forgotten_unless_it_is_on_its_way() {
        let (mut outbox, ids) = outbox(2);
        outbox.next(Instant::now());
        outbox.keep_wanted(|_| false);
        assert_eq!(outbox.answered(ids[0]), Some(0));
        assert_eq!(outbox.answered(ids[1]), None);
    }
}
