//! Syncing over TCP, without a relay.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferry_history::HistoryError;
use ferry_history::sync::Side;
use ferry_history::sync::noise::Code;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::CODE;
use super::line::Line;
use super::meeting::{Meeting, machine, meet, told};
use crate::Global;
use crate::failure::Failure;
use crate::job::{Meter, Stop, stopped};
use crate::keep::Keeper;
use crate::show;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How many handshakes may be under way. Past it others wait.
const HANDSHAKES: usize = 16;

pub async fn connect(keeper: &Keeper, address: &str, code: Option<Code>, global: &Global) -> Result<(), Failure> {
    let unreachable = |why: String| Failure::temporary(format!("cannot reach the other device: {why}"));
    let stream = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(stream) => stream.map_err(|error| unreachable(error.to_string()))?,
        Err(_) => return Err(unreachable("it does not answer".to_owned())),
    };
    let stop = Stop::on_signal();
    let line = Line::over_tcp(stream, stop.clone()).map_err(|error| unreachable(error.to_string()))?;
    let synced = meet(line, keeper, Side::Leads, code, machine(), (global.json, &stop)).await?;
    told(&synced, global.json)?;
    match synced.is_equal {
        true => Ok(()),
        false => Err(HistoryError::Interrupted.into()),
    }
}

pub async fn listen(keeper: &Keeper, address: &str, watch: bool, global: &Global) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot listen at {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (code, until) = (Code::generate(), Instant::now() + CODE);
    let value = json!({ "listening": address, "code": code.to_string() });
    show::answer(global.json, &value, || {
        format!("on the other device, within 10 minutes:\n  ferry sync --connect {address} --code {code}")
    })?;
    let mut code = Some(code);
    let stop = Stop::on_signal();
    let mut end = std::pin::pin!(stopped());
    // Strangers may connect and say nothing, so several handshakes are under way at once.
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    let (met, mut meetings) = mpsc::channel(1);
    loop {
        tokio::select! {
            biased;
            () = &mut end => return Ok(()),
            over = is_over(until, watch), if code.is_some() => {
                show::notice(over?);
                code = None;
            }
            Some(meeting) = meetings.recv() => {
                let (from, meeting): (SocketAddr, Result<Meeting, Failure>) = meeting;
                let synced = match meeting {
                    // The code may have been used since this device showed it.
                    Ok(meeting) if meeting.by_code && code.is_none() => Err(Failure::failed("the code is not good any more")),
                    Ok(meeting) => meeting.sync(keeper, Side::Answers, machine(), Meter::new("sync", global.json, &stop)).await,
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
                    let meeting = match Line::over_tcp(stream, stop) {
                        Ok(line) => Meeting::over(line, &keeper, Side::Answers, code).await,
                        Err(error) => Err(Failure::temporary(format!("the connection failed: {error}"))),
                    };
                    drop(place);
                    // If nobody takes it, the command ends.
                    let _ = met.send((from, meeting)).await;
                });
            }
        }
    }
}

/// Waits until the code is not good any more, and returns a notice about it. Fails if nobody may
/// come then.
async fn is_over(until: Instant, watch: bool) -> Result<&'static str, Failure> {
    tokio::time::sleep_until(until).await;
    match watch {
        true => Ok("the code is not good any more; devices that this one knows can still come"),
        false => Err(Failure::temporary("nobody came within 10 minutes, and the code is not good any more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_code_that_nobody_uses_in_time_is_over() {
        let failure = is_over(Instant::now(), false).await.unwrap_err();
        assert_eq!(failure.to_string(), "nobody came within 10 minutes, and the code is not good any more");
        assert_eq!(failure.exit_code(), std::process::ExitCode::from(4));
        assert!(is_over(Instant::now(), true).await.unwrap().contains("can still come"));
        assert_eq!(CODE, Duration::from_secs(600), "as the words say");
    }
}
