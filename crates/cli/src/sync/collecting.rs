//! A connection of a command that needs it for something else than messages. What comes meanwhile
//! is stored and acked, and `ferry tail` prints it.

use std::time::Duration;

use ferry_client::protocol::FEATURE_LINKS;
use ferry_client::{ConnectOptions, Connection, Event, LinkError, Session};
use ferry_history::{Collector, HistoryError};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::keep::Keeper;
use crate::keeping::{BATCH, FULL_WAIT, Keeping, next_batch};
use crate::show;

/// How long to try to connect. Past it the command fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a batch is stored that another process keeps from being stored.
const TRIES: usize = 5;

/// See the module's description.
pub struct Collecting {
    pub connection: Connection,
    task: JoinHandle<Result<(), Failure>>,
    _collector: Collector,
}

impl Collecting {
    /// Connects, and collects from now on. Calls `hear` with each event after it is stored, and
    /// whether it says that messages may be missing.
    ///
    /// # Errors
    /// Fails if another command collects for this history: it has the connection.
    pub fn start(
        session: &Session,
        keeper: &Keeper,
        command: &str,
        hear: impl FnMut(&Event, &Connection, bool) + Send + 'static,
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
    mut hear: impl FnMut(&Event, &Connection, bool) + Send,
) -> Result<(), Failure> {
    // Until it is connected for the first time, and why it is not yet.
    let (mut patience, mut why) = (Some(Instant::now() + PATIENCE), "cannot reach the relay".to_owned());
    loop {
        let batch = tokio::select! {
            batch = next_batch(&mut events, BATCH) => batch,
            () = tokio::time::sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => {
                return Err(Failure::temporary(why));
            }
        };
        let Some(batch) = batch else { return Ok(()) };
        keep(&mut keeping, &batch).await?;
        for event in &batch {
            let mut is_loss = false;
            match event {
                Event::Connected(welcome) => {
                    patience = None;
                    if !welcome.features.iter().any(|feature| feature == FEATURE_LINKS) {
                        return Err(LinkError::Unsupported.into());
                    }
                    if let Some(warning) = keeping.connected(welcome).await? {
                        show::notice(&warning);
                        is_loss = true;
                    }
                }
                Event::Disconnected { reason, heard, .. } => {
                    keeping.disconnected(*heard).await?;
                    match patience {
                        // The library tries again, for example with another token.
                        Some(_) => why = reason.to_string(),
                        None => show::notice(&format!("disconnected: {reason}")),
                    }
                }
                Event::Closed(reason) => return Err(reason.clone().into()),
                _ => {}
            }
            hear(event, &connection, is_loss);
        }
    }
}

/// Stores a batch. Another process that writes for long, or the sync of this one, does not end the
/// command.
async fn keep(keeping: &mut Keeping, batch: &[Event]) -> Result<(), Failure> {
    for _ in 1..TRIES {
        match keeping.keep(batch).await {
            Err(HistoryError::Busy) => tokio::time::sleep(FULL_WAIT).await,
            kept => return Ok(kept.map(drop)?),
        }
    }
    Ok(keeping.keep(batch).await.map(drop)?)
}
