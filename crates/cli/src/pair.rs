//! `ferry pair`: brings two devices of a user together, over the relay.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use ferry_client::protocol::LinkWith;
use ferry_client::{Event, Session};
use ferry_history::HistoryError;
use ferry_history::sync::noise::Code;
use ferry_history::sync::{Side, Synced};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::Global;
use super::failure::Failure;
use super::job::{Stop, stopped};
use super::keep::Keeper;
use super::show;
use super::sync::CODE;
use super::sync::collecting::Collecting;
use super::sync::line::Line;
use super::sync::meeting::{meet, told};

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
  ferry pair 5T0KA-…")]
pub struct Pair {
    /// The code that the other device shows; without it this device shows one
    #[arg(env = "FERRY_SYNC_CODE", hide_env_values = true)]
    code: Option<String>,
}

pub async fn pair(args: Pair, global: &Global) -> Result<(), Failure> {
    // A wrong code is told before anything is opened. The letters of a QR code are one too.
    let typed = args.code.as_deref().map(|code| Code::parse(code.trim().trim_start_matches(PREFIX))).transpose()?;
    let (session, profile) = global.session()?;
    let keeper = Keeper::open(&session, &profile).await?;
    let (offered, offers) = mpsc::channel(8);
    let (drained_in, drained) = watch::channel(false);
    let mut collecting = Collecting::start(&session, &keeper, "ferry pair", move |event, _| match event {
        // Fails if nobody waits for one.
        Event::LinkOffered(with) => _ = offered.try_send(*with),
        Event::Drained => _ = drained_in.send(true),
        _ => {}
    })?;
    let connection = collecting.connection.clone();
    let stop = Stop::on_signal();
    let pairing = async {
        is_drained(drained).await?;
        match typed {
            Some(code) => {
                let link = tokio::time::timeout(ANSWER, connection.offer_link(code.link(), None)).await;
                let Ok(link) = link else { return Err(HistoryError::WrongKey(NOBODY).into()) };
                let line = Line::over_relay(link?, stop.clone());
                meet(line, &keeper.another().await?, Side::Leads, Some(code), (global.json, &stop)).await
            }
            None => shown(offers, &session, &connection, &keeper, global, &stop).await,
        }
    };
    let synced = tokio::select! {
        synced = pairing => synced,
        failure = collecting.ended() => Err(failure),
        () = stopped() => Err(HistoryError::Interrupted.into()),
    };
    collecting.end().await;
    told(&synced?, global.json)
}

const PREFIX: &str = "ferry-link:";
const NOBODY: &str = "no device of yours shows this code: it is wrong, used or too old, or the device is not connected";

/// Waits until everything that waited for this device is stored: it is not asked for then.
async fn is_drained(mut drained: watch::Receiver<bool>) -> Result<(), Failure> {
    match tokio::time::timeout(DRAIN, drained.wait_for(|drained| *drained)).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Failure::temporary("the relay does not deliver what waits for this device")),
    }
}

/// Shows a code, and waits for the device that has it.
async fn shown(
    mut offers: mpsc::Receiver<LinkWith>,
    session: &Session,
    connection: &ferry_client::Connection,
    keeper: &Keeper,
    global: &Global,
    stop: &Stop,
) -> Result<Synced, Failure> {
    let code = Code::generate();
    show_code(&code, &session.credentials().user.username, global.json)?;
    let histories = keeper.another().await?;
    let wait = async {
        loop {
            let Some(with) = offers.recv().await else { return std::future::pending().await };
            if with.link != code.link() {
                // It is for another device, or wants one that this device knows.
                continue;
            }
            let met = async {
                let line = Line::over_relay(connection.accept_link(with.link).await?, stop.clone());
                meet(line, &histories, Side::Answers, Some(code.clone()), (global.json, stop)).await
            };
            match met.await {
                Ok(synced) => return Ok(synced),
                // The code is good until it was of use.
                Err(failure) => show::notice(&failure.to_string()),
            }
        }
    };
    let too_late = || Failure::temporary("no device came within 10 minutes, and the code is not good any more");
    tokio::time::timeout(CODE, wait).await.unwrap_or_else(|_| Err(too_late()))
}

fn show_code(code: &Code, user: &str, json: bool) -> Result<(), Failure> {
    let text = code.to_string();
    if !json
        && std::io::stdout().is_terminal()
        && let Ok(picture) = QrCode::new(format!("{PREFIX}{}", text.replace('-', "")))
    {
        // For light letters on a dark screen.
        let picture = picture.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
        show::print(&picture)?;
    }
    show::answer(json, &json!({ "code": text }), || {
        format!("on the other device, logged in as {}, within 10 minutes:\n  ferry pair {text}", show::line(user))
    })
}
