//! The second factor: codes of an app beside the password.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::{Args, Subcommand};
use ferry_client::protocol::ErrorCode;
use ferry_client::{ClientError, Secret};
use serde_json::json;

use super::failure::Failure;
use super::{Global, password, show};

#[derive(Debug, Args)]
#[command(after_help = "\
`on` shows a secret for an app that makes time-based codes (TOTP), and asks for the first code.
Then it shows recovery codes, once. Each is good once in the place of a code: keep them safe.

Examples:
  ferry second-factor on
  ferry second-factor status
  ferry second-factor off --code 123456")]
pub struct SecondFactor {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show whether a login needs a code, and how many recovery codes are left
    Status,
    /// Make a secret for your app, and turn the second factor on with a code of it
    On {
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Turn it on with a code of the secret that `on` has shown
    Confirm {
        /// The code that your app shows
        code: String,
    },
    /// Turn it off
    Off {
        /// The code that your app shows, or a recovery code
        #[arg(long)]
        code: Option<String>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

pub async fn second_factor(args: SecondFactor, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    match args.what {
        What::Status => {
            let status = session.totp().await?;
            show::answer(global.json, &status, || match status.since {
                Some(since) => {
                    let since = show::time(since, "%F %R");
                    format!("on since {since}, with {} recovery codes left", status.recovery_codes)
                }
                None => "off".to_owned(),
            })
        }
        What::On { password_stdin } => {
            password::warn_if_plain(session.client().server());
            let secret = password::ask("Password", "FERRY_PASSWORD", password_stdin, false)?;
            let totp = session.start_totp(&secret).await?;
            show::answer(global.json, &totp, || {
                let (secret, uri) = (show::line(totp.secret.expose()), show::line(totp.uri.expose()));
                format!("Give this secret to your app:\n\n  {secret}\n  {uri}\n")
            })?;
            if global.json || !io::stdin().is_terminal() {
                show::notice("nothing is on yet: ferry second-factor confirm CODE");
                return Ok(());
            }
            confirm(&session, &ask()?, global).await
        }
        What::Confirm { code } => confirm(&session, &Secret::new(code), global).await,
        What::Off { code, password_stdin } => {
            password::warn_if_plain(session.client().server());
            let secret = password::ask("Password", "FERRY_PASSWORD", password_stdin, false)?;
            let code = code.map_or_else(ask, |code| Ok(Secret::new(code)))?;
            session.end_totp(&secret, &code).await?;
            show::answer(global.json, &json!({ "active": false }), || "the second factor is off".to_owned())
        }
    }
}

async fn confirm(session: &ferry_client::Session, code: &Secret, global: &Global) -> Result<(), Failure> {
    let codes = session.confirm_totp(code).await?;
    show::answer(global.json, &json!({ "recovery_codes": codes }), || {
        let lines: Vec<String> = codes.iter().map(|code| format!("  {}", show::line(code.expose()))).collect();
        format!(
            "the second factor is on. Each of these codes is good once, if your app is lost:\n\n{}\n\n\
             They are not shown again.",
            lines.join("\n")
        )
    })
}

/// Makes a call that needs a code if the account has a second factor. Asks for the code if the
/// relay does.
pub async fn with_code<T>(
    code: Option<String>,
    call: impl AsyncFn(Option<Secret>) -> Result<T, ClientError>,
) -> Result<T, ClientOr> {
    let given = code.map(Secret::new);
    match call(given.clone()).await {
        Err(error) if given.is_none() && is_code_needed(&error) => {
            let code = ask().map_err(ClientOr::Failure)?;
            call(Some(code)).await.map_err(ClientOr::Client)
        }
        outcome => outcome.map_err(ClientOr::Client),
    }
}

/// Why such a call failed: the relay rejected it, or nobody could be asked.
#[derive(Debug)]
pub enum ClientOr {
    /// The call failed.
    Client(ClientError),
    /// There is nobody to ask for the code.
    Failure(Failure),
}

impl From<ClientOr> for Failure {
    fn from(error: ClientOr) -> Self {
        match error {
            ClientOr::Client(error) => error.into(),
            ClientOr::Failure(failure) => failure,
        }
    }
}

fn is_code_needed(error: &ClientError) -> bool {
    match error {
        ClientError::Problem(problem) => {
            problem.code == ErrorCode::CodeNeeded
                || problem.code == ErrorCode::Invalid && problem.field.as_deref() == Some("code")
        }
        _ => false,
    }
}

/// Asks for a code at the terminal. It is shown as it is typed: it is good once, and for a minute.
fn ask() -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("this account has a second factor: use --code with the code that your app shows"));
    }
    let failed = |error: io::Error| Failure::failed(format!("cannot ask for a code: {error}"));
    let mut terminal = io::stderr();
    terminal.write_all(b"Code of your app, or a recovery code: ").and_then(|()| terminal.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(Secret::new(line.trim()))
}
