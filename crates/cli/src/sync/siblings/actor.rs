//! Who is asked and answered, one after the other.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferry_client::protocol::{LinkEnd, LinkWith};
use ferry_client::{Connection, DeviceId, Link, LinkError, LinkId, Session};
use ferry_history::HistoryError;
use ferry_history::sync::Side;
use ferry_history::sync::noise::Code;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::due::Due;
use super::{Input, Report};
use crate::failure::Failure;
use crate::job::{Meter, Stop};
use crate::keep::Keeper;
use crate::sync::CODE;
use crate::sync::line::Line;
use crate::sync::meeting::{Meeting, login};

/// How long a device may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a device goes on asking another one that asks it as well.
const CROSSING: Duration = Duration::from_secs(1);
const DECLINED: &str = "the other device is busy with another one, or knows none: ferry pair";

/// Does what the inputs ask for, until there are none any more.
pub(super) struct Actor<M> {
    session: Session,
    keeper: Keeper,
    meter: M,
    reports: mpsc::Sender<Report>,
    connection: Option<Connection>,
    due: Due,
    /// Whether the user wants it, or wants it no more.
    by_user: bool,
    interrupted: bool,
    /// A code that this device shows, and until when it is good.
    code: Option<(Code, Instant)>,
    /// An offer by this code that came while something else was under way.
    kept: Option<LinkWith>,
}

impl<M: Fn() -> Meter + Send + Sync> Actor<M> {
    pub(super) fn new(session: Session, keeper: Keeper, meter: M, reports: mpsc::Sender<Report>) -> Self {
        let (connection, due, by_user, interrupted) = (None, Due::default(), false, false);
        Self { session, keeper, meter, reports, connection, due, by_user, interrupted, code: None, kept: None }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        loop {
            if let Some(with) = self.kept.take() {
                // Whoever asks is told by the other device.
                let _ = self.take(with, &mut inputs).await;
                continue;
            }
            let due = self.due.next().filter(|_| self.connection.is_some());
            tokio::select! {
                input = inputs.recv() => match input {
                    None => return,
                    Some(input) => {
                        if let Some(with) = self.note(input) {
                            let _ = self.take(with, &mut inputs).await;
                        }
                        if self.interrupted && std::mem::take(&mut self.by_user) {
                            // Nobody could be asked until now.
                            let why = Some(HistoryError::Interrupted.into());
                            let _ = self.reports.send(Report::Asked { answered: 0, by_user: true, why }).await;
                        }
                    }
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
            Input::Gone => {
                self.connection = None;
                self.due.gone();
            }
            Input::Lost => self.due.lost(),
            Input::Ask => {
                (self.by_user, self.interrupted) = (true, false);
                self.due.now();
            }
            Input::Interrupt => {
                self.interrupted = true;
                self.due.taken_back();
            }
            Input::Show(code) => self.code = code.map(|code| (code, Instant::now() + CODE)),
            Input::Drained => self.due.drained(),
            Input::Offered(with) => return Some(with),
        }
        None
    }

    /// Returns the devices that are connected and may know this one.
    async fn whom_to_ask(&self) -> Result<Vec<DeviceId>, Failure> {
        let paired = self.keeper.run(|history| history.paired_devices()).await?;
        if paired.is_empty() {
            return Ok(Vec::new());
        }
        let own = self.session.credentials().device;
        let others = self.session.devices().await?.into_iter().filter(|device| device.id != own);
        let known: Vec<DeviceId> = paired.iter().filter_map(|paired| paired.device).collect();
        let (online, all): (Vec<DeviceId>, Vec<DeviceId>) = others.fold(Default::default(), |mut ids, device| {
            ids.0.extend(device.online.then_some(device.id));
            ids.1.push(device.id);
            ids
        });
        // One that has logged in again since has another id, so all are asked.
        let is_known = known.len() == paired.len() && known.iter().all(|id| all.contains(id));
        Ok(online.into_iter().filter(|id| !is_known || known.contains(id)).collect())
    }

    async fn ask_all(&mut self, inputs: &mut mpsc::Receiver<Input>) {
        self.due.begins();
        let (mut answered, by_user, mut why) = (0, std::mem::take(&mut self.by_user), None);
        let devices = self.whom_to_ask().await.unwrap_or_else(|failure| {
            why = Some(failure);
            Vec::new()
        });
        self.interrupted = false;
        for device in devices {
            let Some(connection) = self.connection.clone().filter(|_| !self.interrupted) else { break };
            match self.ask(&connection, device, inputs).await {
                Ok(()) => answered += 1,
                Err(failure) => why = Some(failure),
            }
        }
        if self.interrupted {
            // Who asked again meanwhile wants this no more either, and is told below.
            self.by_user = false;
        }
        self.due.asked(answered > 0);
        let _ = self.reports.send(Report::Asked { answered, by_user, why }).await;
    }

    /// Asks a device, and syncs with it.
    async fn ask(
        &mut self,
        connection: &Connection,
        device: DeviceId,
        inputs: &mut mpsc::Receiver<Input>,
    ) -> Result<(), Failure> {
        let own = self.session.credentials().device;
        let mut offering = Box::pin(offer(connection.clone(), LinkId::new(), device));
        let asked = Instant::now();
        // The other device asks this one, whose login is older. Its own question counts, unless
        // the other one did not hear it.
        let mut crossing: Option<(LinkWith, Instant)> = None;
        loop {
            let until = crossing.map(|(_, until)| until);
            let input = tokio::select! {
                link = &mut offering => match (link, crossing) {
                    (Ok(link), _) => return self.sync(link, Side::Leads, None, inputs).await,
                    (Err(_), Some((with, _))) => return self.take(with, inputs).await,
                    (Err(LinkError::Closed(LinkEnd::Declined)), None) => {
                        self.due.one_is_busy();
                        return Err(Failure::temporary(DECLINED));
                    }
                    (Err(error), None) => return Err(error.into()),
                },
                () = tokio::time::sleep_until(until.unwrap_or(asked)), if until.is_some() => {
                    drop(offering);
                    let Some((with, _)) = crossing else { return Err(ended()) };
                    return self.take(with, inputs).await;
                }
                input = inputs.recv() => input,
            };
            let Some(input) = input else { return Err(ended()) };
            let Some(with) = self.note(input) else {
                if self.interrupted {
                    return Err(HistoryError::Interrupted.into());
                }
                continue;
            };
            if with.from != device || Code::is_of_some(with.link) {
                self.not_now(connection, with).await;
            } else if with.from < own {
                // Both ask each other at once: the question of the older login counts.
                drop(offering);
                return self.take(with, inputs).await;
            } else {
                crossing = Some((with, (asked + CROSSING).max(Instant::now())));
            }
        }
    }

    /// Answers an offer, and syncs.
    async fn take(&mut self, with: LinkWith, inputs: &mut mpsc::Receiver<Input>) -> Result<(), Failure> {
        let Some(connection) = self.connection.clone() else { return Err(ended()) };
        let code = self.code_of(with.link);
        let knows_some = self.keeper.run(|history| Ok(!history.paired_devices()?.is_empty())).await?;
        if code.is_none() && (Code::is_of_some(with.link) || !knows_some) {
            decline(&connection, with).await;
            return Err(ended());
        }
        let by_code = code.is_some();
        let accepted = tokio::time::timeout(2 * ANSWER, connection.accept_link(with.link)).await;
        let link = accepted.unwrap_or(Err(LinkError::NotConnected))?;
        let synced = self.sync(link, Side::Answers, code, inputs).await;
        if by_code && synced.is_ok() {
            // It is good once.
            self.code = None;
        }
        synced
    }

    /// Returns the code that this device shows, if it is that of a link.
    fn code_of(&self, link: LinkId) -> Option<Code> {
        let (code, until) = self.code.as_ref()?;
        (code.link() == link && Instant::now() < *until).then(|| code.clone())
    }

    /// Answers an offer that comes while something else is under way.
    async fn not_now(&mut self, connection: &Connection, with: LinkWith) {
        match self.code_of(with.link) {
            // The other device waits for a while.
            Some(_) => self.kept = Some(with),
            None => decline(connection, with).await,
        }
    }

    /// Syncs over a link. Other offers are answered meanwhile.
    async fn sync(
        &mut self,
        link: Link,
        side: Side,
        code: Option<Code>,
        inputs: &mut mpsc::Receiver<Input>,
    ) -> Result<(), Failure> {
        let (session, keeper, meter, stop) =
            (self.session.clone(), self.keeper.clone(), (self.meter)(), Stop::default());
        // However this ends, the thread that syncs ends too.
        let _end = StopOnDrop(stop.clone());
        let (line, met) = (Line::over_relay(link, stop), AtomicBool::new(false));
        let meeting = async {
            let meeting = Meeting::over(line, &keeper, side, code).await?;
            met.store(true, Ordering::Relaxed);
            meeting.sync(&keeper, side, login(&session).await, meter).await
        };
        let mut meeting = pin!(meeting);
        self.interrupted = false;
        let outcome = loop {
            tokio::select! {
                outcome = &mut meeting => break outcome,
                input = inputs.recv() => match input {
                    None => return Err(ended()),
                    Some(input) => if let (Some(with), Some(connection)) = (self.note(input), self.connection.clone()) {
                        self.not_now(&connection, with).await;
                    },
                },
            }
            if self.interrupted {
                break Err(HistoryError::Interrupted.into());
            }
        };
        match outcome {
            Ok(synced) => {
                let _ = self.reports.send(Report::Synced(synced)).await;
                Ok(())
            }
            // Two devices that do not know each other part again. Whoever asked is told.
            Err(failure) if !met.load(Ordering::Relaxed) => Err(failure),
            Err(failure) => {
                let _ = self.reports.send(Report::Failed(failure)).await;
                Err(ended())
            }
        }
    }
}

fn ended() -> Failure {
    Failure::temporary("the link to the other device has ended")
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

async fn offer(connection: Connection, link: LinkId, to: DeviceId) -> Result<Link, LinkError> {
    let offering = connection.offer_link(link, Some(to));
    tokio::time::timeout(ANSWER, offering).await.unwrap_or(Err(LinkError::Closed(LinkEnd::Unanswered)))
}

/// Declines an offer. One that belongs to a code is another device's.
async fn decline(connection: &Connection, with: LinkWith) {
    if !Code::is_of_some(with.link) {
        connection.decline_link(with.link).await;
    }
}
