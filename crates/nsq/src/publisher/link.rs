//! The task of a publisher: it connects, serves until the connection is lost, pauses, and begins
//! again.

use std::{collections::VecDeque, pin::pin, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, error::TryRecvError},
        watch,
    },
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Hook, Reply, Request, Unpublished};
use crate::{
    codec::{self, Frame},
    connection::{Connection, LinkError},
    error::{ConnectError, PublishError},
    name::TopicName,
    options::Options,
};

/// The number of unwritten bytes at which no further request is encoded. Requests then wait in
/// their queue, which their permits bound.
const MAX_UNWRITTEN: usize = 256 * 1024;

/// The time that a heartbeat may be late before the connection counts as dead.
const SILENCE_MARGIN: Duration = Duration::from_secs(1);

pub(super) struct Link {
    address: String,
    options: Options,
    hook: Hook,
    requests: UnboundedReceiver<Request>,
    connected: watch::Sender<bool>,
}

/// The error after every handle was dropped: nobody can publish or wait any more.
struct Abandoned;

/// The reason why a connection was given up.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the check after connecting failed: {0}")]
    Hook(super::HookError),
    #[error("the check after connecting took too long")]
    HookTimeout,
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("a publish was not answered in time")]
    Unanswered,
    #[error("no heartbeat")]
    Silent,
    #[error("an answer nobody waits for")]
    Unexpected,
}

impl Link {
    pub(super) fn new(
        address: String,
        options: Options,
        hook: Hook,
        requests: UnboundedReceiver<Request>,
        connected: watch::Sender<bool>,
    ) -> Self {
        Self { address, options, hook, requests, connected }
    }

    /// Runs until the last handle is dropped.
    pub(super) async fn run(mut self) {
        let mut failures: u32 = 0;
        loop {
            let since = Instant::now();
            let opening = open(&self.address, &self.options, &self.hook);
            let (lost, refused) = match refuse_during(&mut self.requests, opening).await {
                Ok(Ok(connection)) => match self.serve(connection).await {
                    Ok(ended) => ended,
                    Err(Abandoned) => return,
                },
                Ok(Err(lost)) => (lost, false),
                Err(Abandoned) => return,
            };
            if refused {
                // nsqd is healthy: it closes the connection after every error, for example of a
                // publish to a topic that is being deleted. Other publishers must not wait for
                // that. There is at most one connection for each rejected publish.
                failures = 0;
                continue;
            }
            // Only a connection that lasted counts as a success. Otherwise an nsqd that accepts
            // and closes at once would be retried at full speed.
            if since.elapsed() >= self.options.max_backoff {
                failures = 0;
            }
            let pause = backoff(failures, &self.options);
            failures = failures.saturating_add(1);
            tracing::warn!(nsqd = %self.address, error = %lost, ?pause, "no connection to nsqd");
            if refuse_during(&mut self.requests, sleep(pause)).await.is_err() {
                return;
            }
        }
    }

    /// Offers the connection to publishers until it is lost. Then every outstanding publish gets
    /// an error. Also returns whether nsqd had rejected a publish on it.
    async fn serve(&mut self, connection: Connection) -> Result<(Lost, bool), Abandoned> {
        tracing::info!(nsqd = %self.address, "connected to nsqd");
        self.connected.send_replace(true);
        let mut session = Session {
            connection,
            waiting: VecDeque::new(),
            refused: false,
            silence_limit: self.options.heartbeat_interval * 2 + SILENCE_MARGIN,
        };
        let ended = session.run(&mut self.requests).await;
        // Before any caller hears of the loss: a caller that retries at once must see that there
        // is no connection.
        self.connected.send_replace(false);
        let (now, refused) = (Instant::now(), session.refused);
        for batch in session.waiting {
            let is_late = batch.reply.deadline <= now;
            batch.end(if is_late { PublishError::Timeout } else { PublishError::ConnectionLost });
        }
        ended.map(|lost| (lost, refused))
    }
}

/// Opens a connection and runs the hook on it.
async fn open(address: &str, options: &Options, hook: &Hook) -> Result<Connection, Lost> {
    let connection = Connection::open(address, options).await?;
    match timeout(options.on_connect_timeout, hook()).await {
        Ok(Ok(())) => Ok(connection),
        Ok(Err(error)) => Err(Lost::Hook(error)),
        Err(_) => Err(Lost::HookTimeout),
    }
}

/// Waits for `work` while there is no connection. Requests that come meanwhile fail at once.
async fn refuse_during<T>(
    requests: &mut UnboundedReceiver<Request>,
    work: impl Future<Output = T>,
) -> Result<T, Abandoned> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            request = requests.recv() => match request {
                Some(request) => Batch::from(request).end(PublishError::NotConnected),
                None => return Err(Abandoned),
            },
        }
    }
}

/// Returns a pause that doubles from `min_backoff` to `max_backoff`. Half of it is random, so that
/// relays that lost the same nsqd do not return together.
fn backoff(failures: u32, options: &Options) -> Duration {
    let full = options.min_backoff.saturating_mul(1 << failures.min(16)).min(options.max_backoff);
    full.mul_f64(rand::random_range(0.5..=1.0))
}

/// A request, and how far it is.
struct Batch {
    messages: Vec<(TopicName, Bytes)>,
    /// The number of messages that are encoded. nsqd has not seen the rest.
    encoded: usize,
    answered: usize,
    failures: Vec<Unpublished>,
    reply: Reply,
}

impl From<Request> for Batch {
    fn from(Request { messages, reply }: Request) -> Self {
        Self { messages, encoded: 0, answered: 0, failures: Vec::new(), reply }
    }
}

impl Batch {
    /// Notes nsqd's answer to the next message. Returns false if it waits for none.
    fn answer(&mut self, result: Result<(), PublishError>) -> bool {
        let index = self.answered;
        if index >= self.encoded {
            return false;
        }
        self.answered += 1;
        if let (Err(error), Some((topic, body))) = (result, self.messages.get(index)) {
            self.failures.push(Unpublished { index, topic: topic.clone(), body: body.clone(), error });
        }
        true
    }

    fn is_answered(&self) -> bool {
        self.answered == self.messages.len()
    }

    /// Answers the caller. What nsqd has not answered fails with this error; what it has not seen
    /// fails with `NotConnected`.
    fn end(mut self, error: PublishError) {
        for (index, (topic, body)) in self.messages.into_iter().enumerate().skip(self.answered) {
            let error = if index < self.encoded { error.clone() } else { PublishError::NotConnected };
            self.failures.push(Unpublished { index, topic, body, error });
        }
        self.reply.send(self.failures);
    }
}

/// The state of a connection while it lives.
struct Session {
    connection: Connection,
    /// The requests that wait for nsqd's answers, in the order in which they came. Only the last
    /// may be encoded in part. nsqd answers in the same order.
    waiting: VecDeque<Batch>,
    refused: bool,
    silence_limit: Duration,
}

impl Session {
    async fn run(&mut self, requests: &mut UnboundedReceiver<Request>) -> Result<Lost, Abandoned> {
        let mut alarm = pin!(sleep_until(self.next_deadline()));
        loop {
            // All queued requests are encoded before anything is written, so a fan-out goes out in
            // one write. The write happens when the queue is empty, and not by a timer.
            while self.encode() {
                match requests.try_recv() {
                    Ok(request) => self.waiting.push_back(request.into()),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Err(Abandoned),
                }
            }
            // The alarm is only ever set earlier here. If it rings too early it is set again,
            // which is cheaper than setting it for each publish.
            let deadline = self.next_deadline();
            if deadline < alarm.deadline() {
                alarm.as_mut().reset(deadline);
            }
            let room = self.has_room();
            tokio::select! {
                frame = self.connection.next_frame() => {
                    if let Err(lost) = frame.map_err(Lost::from).and_then(|frame| self.answered(frame)) {
                        return Ok(lost);
                    }
                }
                request = requests.recv(), if room => match request {
                    Some(request) => self.waiting.push_back(request.into()),
                    None => return Err(Abandoned),
                },
                () = &mut alarm => {
                    if let Some(lost) = self.overdue() {
                        return Ok(lost);
                    }
                    alarm.as_mut().reset(self.next_deadline());
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.connection.output.len() < MAX_UNWRITTEN
    }

    /// Encodes what has come, as far as there is room. Returns whether there is room for more.
    fn encode(&mut self) -> bool {
        let output = &mut self.connection.output;
        if let Some(batch) = self.waiting.back_mut() {
            while output.len() < MAX_UNWRITTEN
                && let Some((topic, body)) = batch.messages.get(batch.encoded)
            {
                codec::publish(output, topic, body);
                batch.encoded += 1;
            }
        }
        self.has_room()
    }

    fn answered(&mut self, frame: Frame) -> Result<(), Lost> {
        let result = match frame {
            Frame::Heartbeat => {
                codec::nop(&mut self.connection.output);
                return Ok(());
            }
            Frame::Response(answer) if answer == "OK" => Ok(()),
            // nsqd closes the connection after this. The loss is noticed when it does.
            Frame::Error(error) => {
                self.refused = true;
                Err(PublishError::Refused(error))
            }
            Frame::Response(_) | Frame::Message(_) => return Err(Lost::Unexpected),
        };
        let batch = self.waiting.front_mut().ok_or(Lost::Unexpected)?;
        if !batch.answer(result) {
            return Err(Lost::Unexpected);
        }
        if batch.is_answered()
            && let Some(batch) = self.waiting.pop_front()
        {
            batch.reply.send(batch.failures);
        }
        Ok(())
    }

    /// Returns the time at which something is wrong if nothing has happened before.
    fn next_deadline(&self) -> Instant {
        let silence = self.connection.last_heard() + self.silence_limit;
        self.waiting.front().map_or(silence, |oldest| oldest.reply.deadline.min(silence))
    }

    fn overdue(&self) -> Option<Lost> {
        let now = Instant::now();
        if self.waiting.front().is_some_and(|oldest| oldest.reply.deadline <= now) {
            return Some(Lost::Unanswered);
        }
        (self.connection.last_heard() + self.silence_limit <= now).then_some(Lost::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_within_its_bounds() {
        let options = Options::default();
        for failures in [0, 1, 5, 7, 31, u32::MAX] {
            let pause = backoff(failures, &options);
            assert!(pause >= options.min_backoff / 2 && pause <= options.max_backoff, "{failures}: {pause:?}");
        }
        assert!(backoff(0, &options) <= options.min_backoff);
        assert!(backoff(20, &options) >= options.max_backoff / 2);
    }
}
