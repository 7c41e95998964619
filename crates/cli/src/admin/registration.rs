//! Tokens: those with which strangers register, and those of operators.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    connection::{Connection, segment},
    text, time,
};
use crate::{Global, failure::Failure, show};

/// Commands on the tokens with which strangers register.
#[derive(Debug, Subcommand)]
pub enum Registration {
    /// Make a token. It is shown once
    New {
        /// How many accounts may be made with it [default: any number]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        uses: Option<u32>,
        /// In how many days it expires [default: never]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
    },
    /// List the tokens by their ids
    List,
    /// Delete a token. Accounts that were made with it stay
    Revoke {
        /// The id of the token
        id: String,
    },
}

/// Runs a command on the tokens with which strangers register.
pub async fn registration(what: Registration, relay: &Connection, global: &Global) -> Result<(), Failure> {
    let path = "/admin/v1/registration-tokens";
    match what {
        Registration::New { uses, days } => {
            let seconds = days.map(|days| u64::from(days) * 24 * 60 * 60);
            let made = relay.post(path, &json!({ "uses": uses, "expires_in": seconds })).await?;
            show::answer(global.json, &made, || {
                let (token, id) = (text(&made, "token"), text(&made["registration_token"], "id"));
                format!("{}\n\nIts id is {}. Nothing shows the token again.", show::line(token), show::line(id))
            })
        }
        Registration::List => {
            let tokens = relay.list(path, &[], usize::MAX).await?;
            show::answer(global.json, &tokens, || show::table(tokens.iter().map(row)))
        }
        Registration::Revoke { id } => {
            relay.delete(&format!("{path}/{}", segment(&id))).await?;
            show::answer(global.json, &json!({ "id": id }), || format!("revoked {}", show::line(&id)))
        }
    }
}

fn row(token: &Value) -> Vec<String> {
    let allowed = token["uses_allowed"].as_u64().map_or_else(|| "any number".to_owned(), |allowed| allowed.to_string());
    let expires = time(token, "expires_at");
    vec![
        text(token, "id").to_owned(),
        format!("{} of {allowed} used", token["uses"]),
        if expires.is_empty() { "never expires".to_owned() } else { format!("expires {expires}") },
    ]
}

/// What a token of an operator allows.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Metrics and readiness, which name no user
    Metrics,
    /// Everything that shows something
    Read,
    /// Everything
    Write,
}

/// Makes a token of an operator.
#[derive(Debug, Args)]
pub struct NewToken {
    /// The name of the token, which the log of security events shows
    name: String,
    /// What it allows
    #[arg(value_enum)]
    role: Role,
}

/// Makes a token of an operator, and the line for the relay's file.
pub fn new_token(args: &NewToken, global: &Global) -> Result<(), Failure> {
    let is_plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_.".contains(symbol);
    if args.name.is_empty() || args.name.len() > 64 || !args.name.chars().all(is_plain) {
        return Err(Failure::usage("the name must be 1 to 64 letters, digits, dots, hyphens or underscores"));
    }
    let role = match args.role {
        Role::Metrics => "metrics",
        Role::Read => "read",
        Role::Write => "write",
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let token = format!("ferry_admin_{}", hex(&rand::random::<[u8; 32]>()));
    let line = format!("{}:{role}:{}", args.name, hex(&Sha256::digest(token.as_bytes())));
    show::answer(global.json, &json!({ "token": token, "line": line }), || {
        format!(
            "{token}\n\nPut this line into the relay's --admin-token-file, and the token into a file of mode 0600:\n  {line}"
        )
    })
}
