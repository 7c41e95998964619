//! Syncing with the user's other devices over the relay, beside everything else that a connection
//! does: when it has opened, every quarter of an hour, and when another device asks.

mod actor;
mod due;

use ferry_client::protocol::{FEATURE_LINKS, LinkWith};
use ferry_client::{Connection, Event, Session};
use ferry_history::sync::Synced;
use ferry_history::sync::noise::Code;
use tokio::sync::mpsc;

use self::actor::Actor;
use super::meeting::words;
use crate::failure::Failure;
use crate::job::Meter;
use crate::keep::Keeper;

const NOBODY: &str = "no other device that this one knows is connected: ferry pair brings two devices together";
/// What waits to be looked at. Offers are rare, and one that is lost is made again.
const INPUTS: usize = 64;

enum Input {
    Connected(Connection),
    Gone,
    Offered(LinkWith),
    Drained,
    Lost,
    Ask,
    Interrupt,
    Show(Option<Code>),
}

/// What came of it.
#[derive(Debug)]
pub enum Report {
    /// Two histories are equal, or nearly.
    Synced(Synced),
    /// A sync that had begun has failed.
    Failed(Failure),
    /// All devices were asked, perhaps because the user wanted it: so many had an answer.
    Asked {
        answered: usize,
        by_user: bool,
        /// Why the last one that did not answer did not.
        why: Option<Failure>,
    },
}

/// See the module's description. Cheap to clone. Dropping the last one ends a sync that is under
/// way.
#[derive(Clone)]
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
        tokio::spawn(Actor::new(session, keeper, meter, reports).run(from_connection));
        (Self { inputs }, told)
    }

    /// Starts beside something that shows no progress. Calls `tell` with what came of each sync,
    /// and whether it is news for a user who has not asked for it.
    pub fn start_quietly<T: Future<Output = ()> + Send>(
        session: Session,
        keeper: Keeper,
        tell: impl FnMut(String, bool) -> T + Send + 'static,
    ) -> Self {
        Self::start_telling(session, keeper, Meter::silent, tell)
    }

    /// Starts as [`Self::start_quietly`] does, beside something that shows progress in its own way.
    pub fn start_telling<T: Future<Output = ()> + Send>(
        session: Session,
        keeper: Keeper,
        meter: impl Fn() -> Meter + Send + Sync + 'static,
        mut tell: impl FnMut(String, bool) -> T + Send + 'static,
    ) -> Self {
        let (siblings, mut reports) = Self::start(session, keeper, meter);
        tokio::spawn(async move {
            while let Some(report) = reports.recv().await {
                match report {
                    Report::Synced(synced) => tell(words(&synced), synced.new_messages + synced.forgotten > 0).await,
                    Report::Failed(failure) => tell(format!("a sync was not finished: {failure}"), true).await,
                    Report::Asked { answered: 0, by_user: true, why } => {
                        tell(why.map_or_else(|| NOBODY.to_owned(), |why| why.to_string()), true).await;
                    }
                    Report::Asked { .. } => {}
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

    /// Notes that the connection has ended for now.
    pub fn gone(&self) {
        self.say(Input::Gone);
    }

    /// Notes that messages may be missing: other devices are asked as soon as the queue is empty.
    pub fn lost(&self) {
        self.say(Input::Lost);
    }

    /// Asks the other devices now, because the user wants it.
    pub fn ask(&self) {
        self.say(Input::Ask);
    }

    /// Ends the sync that is under way. What is stored by then stays.
    pub fn interrupt(&self) {
        self.say(Input::Interrupt);
    }

    /// Lets the device that has this code pair with this one, until it is called again. The code
    /// is good once.
    pub fn show(&self, code: Option<Code>) {
        self.say(Input::Show(code));
    }

    fn say(&self, input: Input) {
        // Fails if far too much comes, or at the end.
        let _ = self.inputs.try_send(input);
    }
}
