//! `ferry sync`: makes the histories of two devices of one user equal, without a relay.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args};
use ferry_client::protocol::now_ms;
use ferry_history::HistoryError;
use ferry_history::sync::noise::{self, Code, Noise, PublicKey, Trust};
use ferry_history::sync::{Side, Synced, sync as exchange};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::Global;
use super::failure::Failure;
use super::job::{Meter, Stop, stopped};
use super::keep::Keeper;
use super::show;
use line::Line;

mod line;

/// How long a code is good.
const CODE: Duration = Duration::from_secs(600);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How many handshakes may be under way. Past it others wait.
const HANDSHAKES: usize = 16;

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
    #[arg(long, requires = "connect", env = "FERRY_SYNC_CODE", hide_env_values = true)]
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
    let stop = Stop::on_signal();
    let meeting = meet(keeper, stream, Side::Leads, code, &stop).await?;
    let synced = exchange_with(keeper, meeting, Side::Leads, global.json, &stop).await?;
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
    // Strangers may connect and say nothing, so several handshakes are under way at once.
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    let (met, mut meetings) = mpsc::channel(1);
    loop {
        tokio::select! {
            biased;
            () = &mut end => return Ok(()),
            () = tokio::time::sleep_until(until), if code.is_some() => {
                if !watch {
                    return Err(Failure::temporary("nobody came within 10 minutes, and the code is not good any more"));
                }
                show::notice("the code is not good any more; devices that this one knows can still come");
                code = None;
            }
            Some(meeting) = meetings.recv() => {
                let (from, meeting): (SocketAddr, Result<Meeting, Failure>) = meeting;
                let synced = match meeting {
                    // The code may have been used since this device showed it.
                    Ok(meeting) if meeting.by_code && code.is_none() => Err(Failure::failed("the code is not good any more")),
                    Ok(meeting) => exchange_with(keeper, meeting, Side::Answers, global.json, &stop).await,
                    Err(failure) => Err(failure),
                };
                match synced {
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
            accepted = listener.accept(), if places.available_permits() > 0 => {
                let (Ok((stream, from)), Ok(place)) = (accepted, Arc::clone(&places).try_acquire_owned()) else { continue };
                let (keeper, code, stop, met) = (keeper.clone(), code.clone(), stop.clone(), met.clone());
                tokio::spawn(async move {
                    let meeting = meet(&keeper, stream, Side::Answers, code, &stop).await;
                    drop(place);
                    // If nobody takes it, the command ends.
                    let _ = met.send((from, meeting)).await;
                });
            }
        }
    }
}

/// Two devices that trust each other.
struct Meeting {
    pipe: Noise<Line>,
    key: PublicKey,
    by_code: bool,
}

/// Shakes hands over a connection.
async fn meet(
    keeper: &Keeper,
    stream: TcpStream,
    side: Side,
    code: Option<Code>,
    stop: &Stop,
) -> Result<Meeting, Failure> {
    let line = Line::of(stream, stop.clone())
        .map_err(|error| Failure::temporary(format!("the connection failed: {error}")))?;
    let (key, known) = keeper.run(|history| Ok((history.link_key(now_ms())?, history.paired_keys()?))).await?;
    let met = tokio::task::spawn_blocking(move || {
        let trust = Trust { key: &key, code: code.as_ref(), known: &known };
        let (mut pipe, key) = match side {
            Side::Leads => noise::lead(line, &trust)?,
            Side::Answers => noise::answer(line, &trust)?,
        };
        pipe.stream_mut().is_trusted();
        Ok::<_, HistoryError>(Meeting { pipe, key, by_code: !known.contains(&key) })
    });
    Ok(met.await.map_err(|_| Failure::failed("the handshake failed"))??)
}

/// Runs the sync, and remembers the other device.
async fn exchange_with(
    keeper: &Keeper,
    meeting: Meeting,
    side: Side,
    json: bool,
    stop: &Stop,
) -> Result<Synced, Failure> {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let mut meter = Meter::new("sync", json, stop);
    let Meeting { mut pipe, key, .. } = meeting;
    let synced = keeper.run(move |history| {
        let now = now_ms();
        let synced = exchange(history, &mut pipe, side, &name, now, &mut |progress| meter.at(progress))?;
        // Only now is it sure that it is a device of this user.
        history.pair(&key, &synced.name, synced.is_equal, now)?;
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
