//! `ferry sync`: makes the histories of a user's devices equal, over the relay or directly.

pub mod collecting;
mod direct;
pub mod line;
pub mod meeting;
pub mod siblings;

use std::time::Duration;

use clap::{ArgGroup, Args};
use ferry_client::Session;
use ferry_client::protocol::now_ms;
use ferry_history::sync::noise::Code;

use super::Global;
use super::failure::Failure;
use super::job::{Meter, Stop, stopped};
use super::keep::Keeper;
use super::show;
use collecting::Collecting;
use meeting::told;
use siblings::{Report, Siblings};

/// How long a code is good.
pub const CODE: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what"), after_help = "\
Both devices have to be yours. Afterwards each has what either had: messages, edits, what is read,
and what was deleted is deleted on both. What goes from device to device is encrypted between them,
and the relay stores none of it. Syncing again is always safe.

Bring two devices together once with `ferry pair`. Then `ferry sync` syncs with each of them that
runs `ferry tail`, `ferry tui` or `ferry sync --watch`. These also sync by themselves.

Without a relay, the one device listens and the other one connects. The first time they need the
code that the first one shows.

Examples:
  ferry sync
  ferry sync --devices
  ferry sync --listen 192.168.1.5:7777
  ferry sync --connect 192.168.1.5:7777 --code 5T0KA-…
  ferry sync --connect 192.168.1.5:7777")]
pub struct Sync {
    /// Go on: sync every quarter of an hour, and when another device asks
    #[arg(long, conflicts_with_all = ["connect", "devices", "forget"])]
    watch: bool,
    /// Without the relay: wait for another device at this address, and print the code that it needs
    #[arg(long, value_name = "HOST:PORT", group = "what")]
    listen: Option<String>,
    /// Without the relay: connect to a device that listens there
    #[arg(long, value_name = "HOST:PORT", group = "what")]
    connect: Option<String>,
    /// The code that the other device shows, or $FERRY_SYNC_CODE; not needed if the two know each
    /// other
    #[arg(long, requires = "connect")]
    code: Option<String>,
    /// List the devices that this one knows
    #[arg(long, group = "what")]
    devices: bool,
    /// Forget a device: it needs a code again
    #[arg(long, value_name = "NAME|KEY", group = "what")]
    forget: Option<String>,
}

pub async fn sync(args: Sync, global: &Global) -> Result<(), Failure> {
    if args.listen.is_none() && args.connect.is_none() && args.forget.is_none() && !args.devices {
        return over_relay(args.watch, global).await;
    }
    let keeper = Keeper::open_offline_or_new(global).await?;
    if let Some(address) = args.listen {
        return direct::listen(&keeper, &address, args.watch, global).await;
    }
    if let Some(address) = args.connect {
        let code = args.code.or_else(|| std::env::var("FERRY_SYNC_CODE").ok()).filter(|code| !code.is_empty());
        let code = code.as_deref().map(Code::parse).transpose()?;
        return direct::connect(&keeper, &address, code, global).await;
    }
    match args.forget {
        Some(which) => forget(&keeper, which).await,
        None => devices(&keeper, global).await,
    }
}

async fn over_relay(watch: bool, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let keeper = Keeper::open(&session, &profile).await?;
    if keeper.run(|history| history.paired_devices()).await?.is_empty() {
        return Err(Failure::failed("this device knows no other one yet: ferry pair"));
    }
    let (json, stop) = (global.json, Stop::default());
    let meter = move || Meter::new("sync", json, &stop);
    let (siblings, reports) = Siblings::start(session.clone(), keeper.another().await?, meter);
    let mut collecting = Collecting::start(&session, &keeper, "ferry sync", move |event, connection, is_loss| {
        siblings.event(event, connection);
        if is_loss {
            siblings.lost();
        }
    })?;
    let outcome = tokio::select! {
        outcome = until_asked(reports, watch, &session, global) => outcome,
        failure = collecting.ended() => Err(failure),
        () = stopped() => if watch { Ok(()) } else { Err(ferry_history::HistoryError::Interrupted.into()) },
    };
    collecting.end().await;
    outcome
}

/// Prints what comes of the syncs, until all devices were asked.
async fn until_asked(
    mut reports: tokio::sync::mpsc::Receiver<Report>,
    watch: bool,
    session: &Session,
    global: &Global,
) -> Result<(), Failure> {
    let (mut failed, mut is_equal) = (None, true);
    while let Some(report) = reports.recv().await {
        match report {
            Report::Synced(synced) => {
                is_equal &= synced.is_equal;
                told(&synced, global.json)?;
            }
            Report::Failed(failure) if watch => show::notice(&failure.to_string()),
            Report::Failed(failure) => failed = Some(failure),
            Report::Asked { .. } if watch => {}
            Report::Asked { answered, why, .. } => {
                return match failed {
                    Some(failure) => Err(failure),
                    None if answered == 0 => Err(why.unwrap_or_else(|| {
                        Failure::temporary(format!(
                            "no other device of {} is connected: run ferry tail, ferry tui or ferry sync --watch there",
                            show::line(&session.credentials().user.username)
                        ))
                    })),
                    None if !is_equal => Err(ferry_history::HistoryError::Interrupted.into()),
                    None => Ok(()),
                };
            }
        }
    }
    // The connection has ended, and says why.
    std::future::pending().await
}

async fn devices(keeper: &Keeper, global: &Global) -> Result<(), Failure> {
    let devices = keeper.run(|history| history.paired_devices()).await?;
    if global.json {
        return devices.iter().try_for_each(|device| show::print(&show::json_line(device)));
    }
    if devices.is_empty() {
        return show::print("this device knows no other one yet");
    }
    let rows = devices.into_iter().map(|device| {
        let equal = device.equal_at.map_or_else(|| "never".to_owned(), |at| show::time(at, "%F %T"));
        let key = device.key.get(..16).unwrap_or_default().to_owned();
        vec![device.name, key, format!("met {}", show::time(device.paired_at, "%F")), format!("equal {equal}")]
    });
    show::print(&show::table(rows))
}

async fn forget(keeper: &Keeper, which: String) -> Result<(), Failure> {
    match keeper.run(move |history| history.unpair(&which, now_ms())).await? {
        0 => Err(Failure::failed("this device knows none of this name or key: ferry sync --devices")),
        count => show::print(&format!("forgot {}", show::count(u64::try_from(count).unwrap_or(u64::MAX), "device"))),
    }
}
