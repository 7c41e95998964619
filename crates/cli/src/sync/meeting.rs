//! Two devices of a user meet over a line: they shake hands, and make their histories equal.

use ferry_client::Session;
use ferry_client::protocol::now_ms;
use ferry_history::HistoryError;
use ferry_history::sync::noise::{self, Code, Noise, PublicKey, Trust};
use ferry_history::sync::{Side, Synced, sync};
use serde_json::json;

use super::line::Line;
use crate::failure::Failure;
use crate::job::{Meter, Stop};
use crate::keep::Keeper;
use crate::show;

/// Two devices that trust each other.
pub struct Meeting {
    pipe: Noise<Line>,
    key: PublicKey,
    /// Whether only the code has brought them together.
    pub by_code: bool,
}

impl Meeting {
    /// Shakes hands over a line.
    ///
    /// # Errors
    /// Fails if the two do not trust each other, or the line breaks.
    pub async fn over(line: Line, keeper: &Keeper, side: Side, code: Option<Code>) -> Result<Self, Failure> {
        let (key, known) = keeper.run(|history| Ok((history.link_key(now_ms())?, history.paired_keys()?))).await?;
        let met = tokio::task::spawn_blocking(move || {
            let trust = Trust { key: &key, code: code.as_ref(), known: &known };
            let (mut pipe, key) = match side {
                Side::Leads => noise::lead(line, &trust)?,
                Side::Answers => noise::answer(line, &trust)?,
            };
            pipe.stream_mut().is_trusted();
            Ok::<_, HistoryError>(Self { pipe, key, by_code: !known.contains(&key) })
        });
        Ok(met.await.map_err(|_| Failure::failed("the handshake failed"))??)
    }

    /// Makes the histories equal, and remembers the other device. `name` is what this one is called
    /// there, and `meter` shows how far it is.
    ///
    /// # Errors
    /// Fails if the line breaks, or a history cannot be used. What is stored by then stays.
    pub async fn sync(self, keeper: &Keeper, side: Side, name: String, mut meter: Meter) -> Result<Synced, Failure> {
        let Self { mut pipe, key, by_code } = self;
        let synced = keeper.run(move |history| {
            let now = now_ms();
            let synced = sync(history, &mut pipe, side, &name, now, &mut |progress| meter.at(progress))?;
            // Only now is it sure that it is a device of this user.
            history.pair(&key, &synced, by_code, now)?;
            Ok(synced)
        });
        Ok(synced.await?)
    }
}

/// Shakes hands over a line and makes the histories equal.
///
/// # Errors
/// As for [`Meeting::over`] and [`Meeting::sync`].
pub async fn meet(
    line: Line,
    keeper: &Keeper,
    side: Side,
    code: Option<Code>,
    name: String,
    (json, stop): (bool, &Stop),
) -> Result<Synced, Failure> {
    let meeting = Meeting::over(line, keeper, side, code).await?;
    meeting.sync(keeper, side, name, Meter::new("sync", json, stop)).await
}

/// Returns the name of this machine.
pub fn machine() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Returns the name of the login, which other devices of the user see as well, or that of the
/// machine.
pub async fn login(session: &Session) -> String {
    let own = session.credentials().device;
    let devices = session.devices().await.unwrap_or_default();
    devices.into_iter().find(|device| device.id == own).map_or_else(machine, |device| device.name)
}

/// Prints what a sync has done.
///
/// # Errors
/// Fails if standard output is closed.
pub fn told(synced: &Synced, json: bool) -> Result<(), Failure> {
    let Synced { name, new_messages, sent, forgotten, is_equal, .. } = synced;
    let value = json!({
        "name": name, "new_messages": new_messages, "sent": sent, "forgotten": forgotten, "equal": is_equal,
    });
    show::answer(json, &value, || words(synced))
}

/// Returns what a sync has done, for people.
pub fn words(Synced { name, new_messages, sent, forgotten, is_equal, .. }: &Synced) -> String {
    let new = show::count(*new_messages, "message");
    let rest = if *is_equal { "" } else { "; messages came meanwhile, so sync again" };
    let forgotten = match forgotten {
        0 => String::new(),
        some => format!("; forgot {}, as you have said there", show::count(*some, "message")),
    };
    format!("synced with {}: {new} new here, {} sent{forgotten}{rest}", show::line(name), show::count(*sent, "record"))
}
