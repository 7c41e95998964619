//! `ferry pair`: brings two devices of a user together, over the relay.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use ferry_client::protocol::LinkWith;
use ferry_client::{Connection, Event, LinkError, LinkId};
use ferry_history::HistoryError;
use ferry_history::sync::noise::Code;
use ferry_history::sync::{Side, Synced};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Global;
use super::failure::Failure;
use super::job::{Stop, stopped};
use super::keep::Keeper;
use super::show;
use super::sync::CODE;
use super::sync::collecting::Collecting;
use super::sync::line::Line;
use super::sync::meeting::{login, meet, told};

/// How long the device that shows the code may take to answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How long the queue of this device may take.
const DRAIN: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_help = "\
Log in on both devices, as the same user. On the one run `ferry pair`, which shows a code.
On the other one run `ferry pair CODE`. Then both have the history of both, and know each other:
from then on `ferry tail`, `ferry tui` and `ferry sync` keep them equal without a code.
What goes from device to device is encrypted between them; the relay cannot read it and stores nothing.

Examples:
  ferry pair
  ferry pair 5T0KA-…
  ferry pair - < code.txt")]
pub struct Pair {
    /// The code that the other device shows, or - for standard input; without it this device shows
    /// one
    code: Option<String>,
}

pub async fn pair(args: Pair, global: &Global) -> Result<(), Failure> {
    // A wrong code is told before anything is opened. The letters of a QR code are one too.
    let code = match args.code.as_deref() {
        Some("-") => Some(super::send::read_stdin()?),
        code => code.map(str::to_owned),
    };
    let typed = code.map(|code| Code::parse(code.trim().trim_start_matches(PREFIX))).transpose()?;
    let (session, profile) = global.session()?;
    let keeper = Keeper::open(&session, &profile).await?;
    let (offered, offers) = mpsc::channel(8);
    // How much has come, and whether that was all.
    let (came_in, came) = watch::channel((0_u64, false));
    let mut collecting = Collecting::start(&session, &keeper, "ferry pair", move |event, _, _| {
        if let Event::LinkOffered(with) = event {
            // Fails if nobody waits for one.
            let _ = offered.try_send(*with);
        }
        came_in.send_modify(|(count, drained)| {
            *count += 1;
            *drained |= matches!(event, Event::Drained);
        });
    })?;
    let connection = collecting.connection.clone();
    let stop = Stop::on_signal();
    let pairing = async {
        is_drained(came).await?;
        let name = login(&session).await;
        match typed {
            Some(code) => {
                let link = tokio::time::timeout(ANSWER, connection.offer_link(code.link(), None)).await;
                let Ok(link) = link else { return Err(HistoryError::WrongKey(NOBODY).into()) };
                let line = Line::over_relay(link?, stop.clone());
                meet(line, &keeper.another().await?, Side::Leads, Some(code), name, (global.json, &stop)).await
            }
            None => {
                let code = Code::generate();
                show_code(&code, &session.credentials().user.username, global.json)?;
                shown(&code, offers, &connection, &keeper, &name, (global.json, &stop)).await
            }
        }
    };
    let synced = tokio::select! {
        synced = pairing => synced,
        failure = collecting.ended() => Err(failure),
        () = stopped() => Err(HistoryError::Interrupted.into()),
    };
    collecting.end().await;
    let synced = synced?;
    told(&synced, global.json)?;
    match synced.is_equal {
        true => Ok(()),
        false => Err(HistoryError::Interrupted.into()),
    }
}

const TOO_LATE: &str = "no device came within 10 minutes, and the code is not good any more";
const PREFIX: &str = "ferry-link:";
const NOBODY: &str = "no device of yours shows this code: it is wrong, used or too old, or the device is not connected";

/// Waits until everything that waited for this device is stored: it is not asked for then.
async fn is_drained(mut came: watch::Receiver<(u64, bool)>) -> Result<(), Failure> {
    loop {
        let (count, is_drained) = *came.borrow_and_update();
        if is_drained {
            return Ok(());
        }
        match tokio::time::timeout(DRAIN, came.wait_for(|came| came.1 || came.0 != count)).await {
            Ok(Ok(_)) => {}
            // The connection has ended, and says why.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return Err(Failure::temporary("the relay does not deliver what waits for this device")),
        }
    }
}

/// Waits for the device that has the code.
async fn shown(
    code: &Code,
    mut offers: mpsc::Receiver<LinkWith>,
    connection: &Connection,
    keeper: &Keeper,
    name: &str,
    (json, stop): (bool, &Stop),
) -> Result<Synced, Failure> {
    let histories = keeper.another().await?;
    let until = Instant::now() + CODE;
    loop {
        // Only waiting is bounded: a sync that has begun may take its time.
        let with = offer_of(code.link(), &mut offers, until).await?;
        let met = async {
            let link = tokio::time::timeout(ANSWER, connection.accept_link(with.link)).await;
            let line = Line::over_relay(link.unwrap_or(Err(LinkError::NotConnected))?, stop.clone());
            meet(line, &histories, Side::Answers, Some(code.clone()), name.to_owned(), (json, stop)).await
        };
        match met.await {
            Ok(synced) => return Ok(synced),
            // The code is good until it was of use.
            Err(failure) => show::notice(&failure.to_string()),
        }
    }
}

/// Waits for the device that offers this link.
async fn offer_of(link: LinkId, offers: &mut mpsc::Receiver<LinkWith>, until: Instant) -> Result<LinkWith, Failure> {
    loop {
        match tokio::time::timeout_at(until, offers.recv()).await {
            Ok(Some(with)) if with.link == link => return Ok(with),
            // It is for another device, or wants one that this device knows. A code that was
            // mistyped may be that of another device that shows one, so this one says nothing.
            Ok(Some(_)) => {}
            // The connection has ended, and says why.
            Ok(None) => std::future::pending().await,
            Err(_) => return Err(Failure::temporary(TOO_LATE)),
        }
    }
}

fn show_code(code: &Code, user: &str, json: bool) -> Result<(), Failure> {
    if !json && std::io::stdout().is_terminal() {
        picture(code).iter().try_for_each(|line| show::print(line))?;
    }
    show::answer(json, &json!({ "code": code.to_string() }), || advice(code, user).join("\n"))
}

/// Returns a code for people: what to do with it, and a picture of it.
pub fn lines(code: &Code, user: &str) -> Vec<String> {
    advice(code, user).into_iter().chain(picture(code)).collect()
}

fn advice(code: &Code, user: &str) -> Vec<String> {
    let first = format!("on the other device, logged in as {}, within 10 minutes:", show::line(user));
    vec![first, format!("  ferry pair {code}")]
}

/// Returns a QR code, for light letters on a dark screen.
fn picture(code: &Code) -> Vec<String> {
    let text = format!("{PREFIX}{}", code.to_string().replace('-', ""));
    // It is short, so it fits.
    let Ok(picture) = QrCode::new(text) else { return Vec::new() };
    let picture = picture.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    picture.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use ferry_client::DeviceId;

    use super::*;

    #[tokio::test]
    async fn a_code_that_nobody_uses_in_time_is_over() {
        let (offered, mut offers) = mpsc::channel(8);
        let link = Code::generate().link();
        // Others come, and that does not make it longer.
        for other in [LinkId::new(), Code::generate().link()] {
            offered.send(LinkWith { link: other, from: DeviceId::new() }).await.unwrap();
        }
        let failure = offer_of(link, &mut offers, Instant::now()).await.unwrap_err();
        assert_eq!(failure.to_string(), "no device came within 10 minutes, and the code is not good any more");
        assert_eq!(failure.exit_code(), std::process::ExitCode::from(4));
        assert_eq!(CODE, Duration::from_secs(600), "as the words say");
    }

    #[tokio::test]
    async fn a_device_with_the_code_is_found_among_others() {
        let (offered, mut offers) = mpsc::channel(8);
        let (link, from) = (Code::generate().link(), DeviceId::new());
        for link in [LinkId::new(), Code::generate().link(), link] {
            offered.send(LinkWith { link, from }).await.unwrap();
        }
        assert_eq!(offer_of(link, &mut offers, Instant::now() + CODE).await.unwrap(), LinkWith { link, from });
    }
}
