//! `ferry admin`: what operators do, over the relay's listener for them.

mod connection;
mod registration;
mod users;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use self::connection::Connection;
use super::{Global, failure::Failure, show};

#[derive(Debug, Args)]
#[command(after_help = "\
Without --admin, the socket is /run/ferry/admin.sock, or ferry.db.admin.sock in this directory.

Examples:
  ferry admin users list --disabled
  ferry admin users disable alice
  ferry admin users reset-password alice
  ferry admin registration new --uses 30 --days 7
  ferry admin --admin http://10.0.0.5:9090 --token-file ~/.ferry-admin users show alice")]
pub struct Admin {
    /// Where the relay listens for operators: unix:PATH or http://HOST:PORT
    #[arg(long, env = "FERRY_ADMIN", global = true, value_name = "PLACE")]
    admin: Option<String>,
    /// The file with your token, for http://
    #[arg(long, env = "FERRY_ADMIN_CREDENTIALS", global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Find, disable, enable and delete users, and help those who are locked out
    #[command(subcommand)]
    Users(users::Users),
    /// List the devices of a user, or log one out
    #[command(subcommand)]
    Devices(users::Devices),
    /// Set what a user may have
    #[command(subcommand)]
    Quota(users::Quota),
    /// Make, list and revoke the tokens with which strangers may register
    #[command(subcommand)]
    Registration(registration::Registration),
    /// Replace keys
    #[command(subcommand)]
    Keys(Keys),
    /// Make a token for yourself or for a program, and the line for --admin-token-file. Asks no
    /// relay
    NewToken(registration::NewToken),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Replace the keys that sign access tokens: devices refresh
    Rotate {
        /// Which keys
        #[arg(value_parser = ["signing"])]
        which: String,
    },
}

/// Runs a command of an operator.
pub async fn admin(args: Admin, global: &Global) -> Result<(), Failure> {
    let Admin { admin, token_file, what } = args;
    let connect = || Connection::open(admin.as_deref(), token_file.as_deref());
    match what {
        What::Users(users) => users::users(users, &connect()?, global).await,
        What::Devices(devices) => users::devices(devices, &connect()?, global).await,
        What::Quota(quota) => users::quota(quota, &connect()?, global).await,
        What::Registration(what) => registration::registration(what, &connect()?, global).await,
        What::NewToken(what) => registration::new_token(&what, global),
        What::Keys(Keys::Rotate { which: _ }) => {
            let answer = connect()?.post("/admin/v1/keys/signing", &json!({})).await?;
            show::answer(global.json, &answer, || {
                format!("{} signs now; relays know it within a minute", show::line(text(&answer, "kid")))
            })
        }
    }
}

/// Returns a text of an answer; nothing if it is not there.
fn text<'a>(value: &'a serde_json::Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Returns a time of an answer in words; nothing if it is not there.
fn time(value: &serde_json::Value, name: &str) -> String {
    value[name].as_i64().map(|at| show::time(at, "%F %R")).unwrap_or_default()
}
