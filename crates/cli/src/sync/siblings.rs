//! Syncing with the user's other devices over the relay, beside everything else that a connection
//! does: when it has opened, every quarter of an hour, and when another device asks.

use std::pin::pin;
use std::time::Duration;

use ferry_client::protocol::{FEATURE_LINKS, LinkWith};
use ferry_client::{Connection, DeviceId, Event, Link, LinkError, LinkId, Session};
use ferry_history::sync::noise::Code;
use ferry_history::sync::{Side, Synced};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::line::Line;
use super::meeting::{Meeting, words};
use crate::failure::Failure;
use crate::job::{Meter, Stop};
use crate::keep::Keeper;

/// The time between two syncs.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// How long a device may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Devices that start together ask each other at different times, within this.
const SPREAD: Duration = Duration::from_secs(2);
/// What waits to be looked at. Offers are rare, and one that is lost is made again.
const INPUTS: usize = 64;

enum Input {
    Connected(Connection),
    Gone,
    Offered(LinkWith),
    Drained,
    Lost,
}

/// What came of it.
#[derive(Debug)]
pub enum Report {
    /// Two histories are equal, or nearly.
    Synced(Synced),
    /// A sync that had begun has failed.
    Failed(Failure),
    /// All devices were asked: so many had an answer.
    Asked(usize),
}

/// See the module's description. Dropping it ends a sync that is under way.
pub struct Siblings {
    inputs: mpsc::Sender<Input>,
}

impl Siblings {
    /// Starts. `keeper` is used for nothing else: a sync holds it for long.
    pub fn start(
        session: Session,
        keeper: Keeper,
        meter: impl Fn() -> Meter + Send + Sync + 'static,
    ) -> (Self, mpsc::Receiver<Report>) {
        let (inputs, from_connection) = mpsc::channel(INPUTS);
        let (reports, told) = mpsc::channel(INPUTS);
        let (connection, due, last) = (None, None, None);
        let actor = Actor { session, keeper, meter, reports, connection, due, last };
        tokio::spawn(actor.run(from_connection));
        (Self { inputs }, told)
    }

    /// Starts beside something that shows no progress. Calls `tell` with what came of each sync
    /// that had news.
    pub fn start_quietly<T: Future<Output = ()> + Send>(
        session: Session,
        keeper: Keeper,
        mut tell: impl FnMut(String) -> T + Send + 'static,
    ) -> Self {
        let (siblings, mut reports) = Self::start(session, keeper, Meter::silent);
        tokio::spawn(async move {
            while let Some(report) = reports.recv().await {
                match report {
                    Report::Synced(synced) if synced.new_messages > 0 => tell(words(&synced)).await,
                    Report::Failed(failure) => tell(format!("a sync was not finished: {failure}")).await,
                    _ => {}
                }
            }
        });
        siblings
    }

    /// Hears what happens on the connection.
    pub fn event(&self, event: &Event, connection: &Connection) {
        self.say(match event {
            Event::Connected(welcome) if welcome.features.iter().any(|feature| feature == FEATURE_LINKS) => {
                Input::Connected(connection.clone())
            }
            Event::Connected(_) | Event::Disconnected { .. } => Input::Gone,
            Event::LinkOffered(with) => Input::Offered(*with),
            Event::Drained => Input::Drained,
            _ => return,
        });
    }

    /// Notes that messages may be missing: other devices are asked as soon as the queue is empty.
    pub fn lost(&self) {
        self.say(Input::Lost);
    }

    fn say(&self, input: Input) {
        // Fails if far too much comes, or at the end.
        let _ = self.inputs.try_send(input);
    }
}

struct Actor<M> {
    session: Session,
    keeper: Keeper,
    meter: M,
    reports: mpsc::Sender<Report>,
    connection: Option<Connection>,
    /// When to ask the other devices next.
    due: Option<Instant>,
    last: Option<Instant>,
}

impl<M: Fn() -> Meter + Send + Sync> Actor<M> {
    async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        loop {
            let due = self.due.filter(|_| self.connection.is_some());
            tokio::select! {
                input = inputs.recv() => match input {
                    None => return,
                    Some(input) => if let Some(with) = self.note(input) {
                        self.take(with, &mut inputs).await;
                    },
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.ask_all(&mut inputs).await;
                }
            }
        }
    }

    /// Notes what has happened. Returns an offer, which the caller answers.
    fn note(&mut self, input: Input) -> Option<LinkWith> {
        match input {
            Input::Connected(connection) => self.connection = Some(connection),
            Input::Gone => (self.connection, self.due) = (None, None),
            Input::Lost => self.last = None,
            Input::Drained => {
                let next = self.last.map_or_else(Instant::now, |last| last + EVERY);
                self.due = Some(next.max(Instant::now() + SPREAD.mul_f64(rand::random())));
            }
            Input::Offered(with) => return Some(with),
        }
        None
    }

    /// Returns the devices that may know this one.
    async fn whom_to_ask(&self) -> Vec<DeviceId> {
        let Ok(paired) = self.keeper.run(|history| history.paired_devices()).await else { return Vec::new() };
        if paired.is_empty() {
            return Vec::new();
        }
        let Ok(devices) = self.session.devices().await else { return Vec::new() };
        let own = self.session.credentials().device;
        let others: Vec<DeviceId> = devices.iter().map(|device| device.id).filter(|id| *id != own).collect();
        let known: Vec<DeviceId> = paired.iter().filter_map(|paired| paired.device).collect();
        // One that has logged in again since has another id, so all are asked.
        match known.len() == paired.len() && known.iter().all(|id| others.contains(id)) {
            true => known,
            false => others,
        }
    }

    async fn ask_all(&mut self, inputs: &mut mpsc::Receiver<Input>) {
        self.last = Some(Instant::now());
        self.due = Some(Instant::now() + EVERY);
        let mut answered = 0;
        for device in self.whom_to_ask().await {
            let Some(connection) = self.connection.clone() else { break };
            answered += usize::from(self.ask(&connection, device, inputs).await);
        }
        let _ = self.reports.send(Report::Asked(answered)).await;
    }

    /// Asks a device, and syncs with it. Returns whether the two met.
    async fn ask(&mut self, connection: &Connection, device: DeviceId, inputs: &mut mpsc::Receiver<Input>) -> bool {
        let own = self.session.credentials().device;
        let mut offering = Box::pin(offer(connection.clone(), LinkId::new(), device));
        loop {
            let input = tokio::select! {
                link = &mut offering => match link {
                    Ok(link) => return self.sync(link, Side::Leads, inputs).await,
                    Err(_) => return false,
                },
                input = inputs.recv() => input,
            };
            let Some(input) = input else { return false };
            let Some(with) = self.note(input) else { continue };
            // Both ask each other at once: the offer of the older login stands.
            if with.from == device && with.from < own && !Code::is_of_some(with.link) {
                drop(offering);
                return self.take(with, inputs).await;
            }
            decline(connection, with).await;
        }
    }

    /// Answers an offer. Returns whether the two met.
    async fn take(&mut self, with: LinkWith, inputs: &mut mpsc::Receiver<Input>) -> bool {
        let Some(connection) = self.connection.clone() else { return false };
        let knows_some = self.keeper.run(|history| Ok(!history.paired_devices()?.is_empty())).await;
        if Code::is_of_some(with.link) || !matches!(knows_some, Ok(true)) {
            decline(&connection, with).await;
            return false;
        }
        match tokio::time::timeout(2 * ANSWER, connection.accept_link(with.link)).await {
            Ok(Ok(link)) => self.sync(link, Side::Answers, inputs).await,
            _ => false,
        }
    }

    /// Syncs over a link. Other offers are declined meanwhile.
    async fn sync(&mut self, link: Link, side: Side, inputs: &mut mpsc::Receiver<Input>) -> bool {
        let (keeper, meter, stop) = (self.keeper.clone(), (self.meter)(), Stop::default());
        // However this ends, the thread that syncs ends too.
        let _end = StopOnDrop(stop.clone());
        let meeting = async {
            let line = Line::over_relay(link, stop);
            // Two devices that do not know each other part again.
            let Ok(meeting) = Meeting::over(line, &keeper, side, None).await else { return None };
            Some(meeting.sync(&keeper, side, meter).await)
        };
        let mut meeting = pin!(meeting);
        let outcome = loop {
            tokio::select! {
                outcome = &mut meeting => break outcome,
                input = inputs.recv() => match input {
                    None => return false,
                    Some(input) => if let (Some(with), Some(connection)) = (self.note(input), self.connection.clone()) {
                        decline(&connection, with).await;
                    },
                },
            }
        };
        let Some(outcome) = outcome else { return false };
        let met = outcome.is_ok();
        let _ = self.reports.send(outcome.map_or_else(Report::Failed, Report::Synced)).await;
        met
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

async fn offer(connection: Connection, link: LinkId, to: DeviceId) -> Result<Link, LinkError> {
    let offering = connection.offer_link(link, Some(to));
    tokio::time::timeout(ANSWER, offering).await.unwrap_or(Err(LinkError::NotConnected))
}

/// Declines an offer. One that belongs to a code is another device's.
async fn decline(connection: &Connection, with: LinkWith) {
    if !Code::is_of_some(with.link) {
        connection.decline_link(with.link).await;
    }
}
