//! A connection of a command that needs it for something else than messages. What comes meanwhile
//! is stored and acked, and `ferry tail` prints it.

use std::time::Duration;

use ferry_client::{ConnectOptions, Connection, Event, Session};
use ferry_history::Collector;
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::keep::Keeper;
use crate::keeping::{BATCH, Keeping, next_batch};
use crate::show;

/// How long to try to connect. Past it the command fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module's description.
pub struct Collecting {
    pub connection: Connection,
    task: JoinHandle<Result<(), Failure>>,
    _collector: Collector,
}

impl Collecting {
    /// Connects, and collects from now on. Calls `hear` with each event after it is stored.
    ///
    /// # Errors
    /// Fails if another command collects for this history: it has the connection.
    pub fn start(
        session: &Session,
        keeper: &Keeper,
        command: &str,
        hear: impl FnMut(&Event, &Connection) + Send + 'static,
    ) -> Result<Self, Failure> {
        let collector = keeper.collect(command)?;
        let keeping = Keeping::new(keeper.clone(), session);
        // The history recognises copies.
        let options = ConnectOptions { remember: 0, ..ConnectOptions::default() };
        let (connection, events) = session.connect(options);
        let task = tokio::spawn(collect(keeping, connection.clone(), events, hear));
        Ok(Self { connection, task, _collector: collector })
    }

    /// Waits until the connection has ended, and returns why.
    pub async fn ended(&mut self) -> Failure {
        match (&mut self.task).await {
            Ok(Err(failure)) => failure,
            _ => Failure::temporary("the connection has ended"),
        }
    }

    /// Writes the remaining acks, and ends the connection.
    pub async fn end(self) {
        self.connection.close().await;
    }
}

async fn collect(
    mut keeping: Keeping,
    connection: Connection,
    mut events: ferry_client::Events,
    mut hear: impl FnMut(&Event, &Connection) + Send,
) -> Result<(), Failure> {
    let mut is_new = true;
    loop {
        let batch = match is_new {
            true => match tokio::time::timeout(PATIENCE, next_batch(&mut events, BATCH)).await {
                Ok(batch) => batch,
                Err(_) => return Err(Failure::temporary("cannot reach the relay")),
            },
            false => next_batch(&mut events, BATCH).await,
        };
        let Some(batch) = batch else { return Ok(()) };
        keeping.keep(&batch).await?;
        for event in &batch {
            match event {
                Event::Connected(welcome) => {
                    is_new = false;
                    if let Some(warning) = keeping.connected(welcome).await? {
                        show::notice(&warning);
                    }
                }
                Event::Disconnected { reason, heard, .. } => {
                    keeping.disconnected(*heard).await?;
                    if is_new {
                        return Err(Failure::temporary(reason.to_string()));
                    }
                    show::notice(&format!("disconnected: {reason}"));
                }
                Event::Closed(reason) => return Err(reason.clone().into()),
                _ => {}
            }
            hear(event, &connection);
        }
    }
}
