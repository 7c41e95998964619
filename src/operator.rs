//! The commands for operators: they look, and change nothing.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;

use ferry::{
    config::ServeArguments,
    doctor::{self, Report},
    status::{self, Status},
};
use ferry_protocol::Secret;

/// The arguments of `ferry doctor`.
#[derive(clap::Args)]
pub struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    serve: ServeArguments,
}

/// The arguments of `ferry status`.
#[derive(clap::Args)]
pub struct StatusArguments {
    /// Print JSON
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Show it again every 2 seconds, until you press Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Ask this relay for its connections, by the address of its metrics; may be repeated
    #[arg(long, value_name = "HOST:PORT|unix:PATH", value_delimiter = ',')]
    relay: Vec<String>,
    /// File with your token, for relays that are asked over TCP
    #[arg(long, env = "FERRY_ADMIN_CREDENTIALS", value_name = "FILE")]
    credentials: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArguments,
}

/// The pause between two pages.
const AGAIN: Duration = Duration::from_secs(2);

/// Runs `ferry doctor`. Fails if there is a fault.
pub async fn doctor(arguments: DoctorArguments) -> ExitCode {
    ferry::name_tls_provider();
    let report: Report = Box::pin(doctor::look(arguments.serve)).await;
    let text = match arguments.json {
        true => json(&report),
        false => report.to_text(),
    };
    match print(&text) {
        Ok(()) if report.faults == 0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Runs `ferry status`. Fails if neither SQL nor an nsqd answers.
pub async fn status(arguments: StatusArguments) -> ExitCode {
    ferry::name_tls_provider();
    let config = match arguments.serve.into_config() {
        Ok(config) => config,
        Err(error) => return super::failed(&error.into()),
    };
    let token = match arguments.credentials.as_deref().map(token).transpose() {
        Ok(token) => token,
        Err(error) => return super::failed(&error),
    };
    loop {
        let status: Status = status::ask(&config, &arguments.relay, token.as_ref()).await;
        let text = match (arguments.json, arguments.watch) {
            (true, _) => json(&status),
            // From the first line of the screen, over what is there.
            (false, true) => format!("\x1b[H\x1b[2J{}", status.to_text()),
            (false, false) => status.to_text(),
        };
        if print(&text).is_err() {
            return ExitCode::FAILURE;
        }
        if !arguments.watch {
            return if status.answers() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn token(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Secret::new(text.trim()))
}

fn json(value: &impl serde::Serialize) -> String {
    // Numbers and texts can always be written.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
