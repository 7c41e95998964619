//! `ferry sync`: makes the histories of two devices of one user equal, without a relay.

use std::time::Duration;

use clap::{ArgGroup, Args};
use ferry_client::protocol::now_ms;
use ferry_history::HistoryError;
use ferry_history::sync::noise::{self, Code, Trust};
use ferry_history::sync::{Side, Synced, sync as exchange};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::Global;
use super::failure::Failure;
use super::job::{Meter, Stop, stopped};
use super::keep::Keeper;
use super::show;

/// How long a code is good.
const CODE: Duration = Duration::from_secs(600);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the other device may be silent. It may have to search a large history meanwhile.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true), after_help = "\
Both devices have to be yours. Afterwards each has what either had: messages, edits, what is read,
and what was deleted is deleted on both. Nothing goes through the relay, and what goes over the
network is encrypted from device to device. Syncing again is always safe.

The first time one device shows a code, and the other one needs it. After that they know each other.

Examples:
  ferry sync --listen 192.168.1.5:7777
  ferry sync --connect 192.168.1.5:7777 --code 5T0KA-…
  ferry sync --connect 192.168.1.5:7777
  ferry sync --devices")]
pub struct Sync {
    /// Wait for another device at this address, and print the code that it needs
    #[arg(long, value_name = "HOST:PORT", group = "what")]
    listen: Option<String>,
    /// With --listen, go on for the devices that this one knows
    #[arg(long, requires = "listen")]
    watch: bool,
    /// Connect to a device that listens there
    #[arg(long, value_name = "HOST:PORT", group = "what")]
    connect: Option<String>,
    /// The code that the other device shows; not needed if the two know each other
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
    let keeper = Keeper::open_offline_or_new(global).await?;
    if let Some(address) = args.listen {
        return listen(&keeper, &address, args.watch, global).await;
    }
    if let Some(address) = args.connect {
        let code = args.code.as_deref().map(Code::parse).transpose()?;
        return connect(&keeper, &address, code, global).await;
    }
    match args.forget {
        Some(which) => forget(&keeper, which).await,
        None => devices(&keeper, global).await,
    }
}

async fn connect(keeper: &Keeper, address: &str, code: Option<Code>, global: &Global) -> Result<(), Failure> {
    let unreachable = |why: String| Failure::temporary(format!("cannot reach the other device: {why}"));
    let stream = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(stream) => stream.map_err(|error| unreachable(error.to_string()))?,
        Err(_) => return Err(unreachable("it does not answer".to_owned())),
    };
    let synced = run(keeper, stream, Side::Leads, code, global.json, &Stop::on_signal()).await?;
    told(&synced, global.json)?;
    match synced.is_equal {
        true => Ok(()),
        false => Err(HistoryError::Interrupted.into()),
    }
}

async fn listen(keeper: &Keeper, address: &str, watch: bool, global: &Global) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot listen at {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut code = Some(Code::generate());
    let until = Instant::now() + CODE;
    if let Some(code) = &code {
        let value = json!({ "listening": address, "code": code.to_string() });
        show::answer(global.json, &value, || {
            format!("on the other device, within 10 minutes:\n  ferry sync --connect {address} --code {code}")
        })?;
    }
    let stop = Stop::on_signal();
    let mut end = std::pin::pin!(stopped());
    loop {
        let accepted = tokio::select! {
            () = &mut end => return Ok(()),
            () = tokio::time::sleep_until(until), if code.is_some() => {
                if !watch {
                    return Err(Failure::temporary("nobody came within 10 minutes, and the code is not good any more"));
                }
                show::notice("the code is not good any more; devices that this one knows can still come");
                code = None;
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, from)) = accepted else { continue };
        match run(keeper, stream, Side::Answers, code.clone(), global.json, &stop).await {
            Ok(synced) => {
                // A code is good once.
                code = None;
                told(&synced, global.json)?;
                if !watch {
                    return Ok(());
                }
            }
            Err(failure) => show::notice(&format!("{from}: {failure}")),
        }
    }
}

/// Runs the sync over a connection, and remembers the other device.
async fn run(
    keeper: &Keeper,
    stream: TcpStream,
    side: Side,
    code: Option<Code>,
    json: bool,
    stop: &Stop,
) -> Result<Synced, Failure> {
    let failed = |error: std::io::Error| Failure::temporary(format!("the connection failed: {error}"));
    let stream = stream.into_std().map_err(failed)?;
    stream.set_nonblocking(false).map_err(failed)?;
    let _ = stream.set_nodelay(true);
    stream.set_read_timeout(Some(SILENCE)).and_then(|()| stream.set_write_timeout(Some(SILENCE))).map_err(failed)?;
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let mut meter = Meter::new("sync", json, stop);
    let synced = keeper.run(move |history| {
        let now = now_ms();
        let (key, known) = (history.link_key(now)?, history.paired_keys()?);
        let trust = Trust { key: &key, code: code.as_ref(), known: &known };
        let (mut pipe, theirs) = match side {
            Side::Leads => noise::lead(stream, &trust)?,
            Side::Answers => noise::answer(stream, &trust)?,
        };
        let synced = exchange(history, &mut pipe, side, &name, now, &mut |progress| meter.at(progress))?;
        // Only now is it sure that it is a device of this user.
        history.pair(&theirs, &synced.name, synced.is_equal, now)?;
        Ok(synced)
    });
    Ok(synced.await?)
}

fn told(synced: &Synced, json: bool) -> Result<(), Failure> {
    let Synced { name, new_messages, sent, is_equal, .. } = synced;
    let value = json!({ "name": name, "new_messages": new_messages, "sent": sent, "equal": is_equal });
    show::answer(json, &value, || {
        let new = show::count(*new_messages, "message");
        let rest = if *is_equal { "" } else { "; messages came meanwhile, so sync again" };
        format!("synced with {}: {new} new here, {} sent{rest}", show::line(name), show::count(*sent, "record"))
    })
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
