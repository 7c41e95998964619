//! The client commands of the `ferry` binary.

mod account;
mod act;
mod admin;
mod backup;
mod export;
mod failure;
mod history;
mod job;
mod keep;
mod keeping;
mod me;
mod moderate;
mod opened;
mod pair;
mod password;
mod people;
mod profile;
mod read;
mod recall;
mod resolve;
mod rooms;
mod second_factor;
mod send;
mod show;
mod sync;
mod tail;
mod tui;
mod who;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ferry_client::{Client, ClientOptions, Session};

use failure::Failure;
use profile::Profile;

/// The relay's address if neither the command line nor the profile names one.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// The text at the end of the top-level help.
pub const AFTER_HELP: &str = "\
A first conversation:
  export FERRY_PASSWORD='correct horse'
  ferry register alice; ferry register bob
  ferry --profile alice login alice && ferry --profile bob login bob
  ferry --profile alice send @bob 'Hello Bob'
  ferry --profile bob tail --until-drained

Exit codes:
  0  done
  1  rejected or failed
  2  the command line is wrong
  3  not logged in or logged out
  4  the relay is unreachable or unavailable: try again later
  5  the history or the backup is damaged, or the backup may be forged
  6  the passphrase or the key is wrong
  7  the history cannot be used, or another command collects for it
  8  the history or the backup is another user's, or of a newer version
  9  interrupted: what is done stays done, so run it again

Logins and histories are in $FERRY_DATA_DIR, otherwise in $XDG_DATA_HOME/ferry, otherwise in ~/.local/share/ferry (macOS: ~/Library/Application Support/ferry).";

/// The options of all client commands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Set the relay's address; a profile that is logged in remembers its own
    /// [default: http://127.0.0.1:8080]
    #[arg(long, env = "FERRY_SERVER", global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Choose the login: a machine can have several side by side
    #[arg(long, env = "FERRY_PROFILE", global = true, value_name = "NAME", default_value = "default")]
    pub profile: String,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub json: bool,
}

impl Global {
    /// Returns the address on the command line or in the variable. An empty variable counts as
    /// none.
    fn server(&self) -> Option<&str> {
        self.server.as_deref().filter(|server| !server.is_empty())
    }

    fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(self.server().unwrap_or(DEFAULT_SERVER), options())?)
    }

    fn profile(&self) -> Result<Profile, Failure> {
        Profile::named(&self.profile)
    }

    /// Returns the session of the profile. Fails if the profile is not logged in.
    fn session(&self) -> Result<(Session, Profile), Failure> {
        let profile = self.profile()?;
        let credentials = profile.load()?.ok_or_else(|| Failure::not_logged_in(&self.profile))?;
        // A token must go to no other server than the one that issued it.
        if let Some(server) = self.server()
            && !same_server(server, &credentials.server)
        {
            return Err(Failure::usage(format!(
                "the profile {} is logged in at {}, not at {server}: leave out --server, or use another --profile",
                self.profile, credentials.server
            )));
        }
        let client = Client::new(&credentials.server, options())?;
        Ok((Session::new(client, credentials, profile.store()), profile))
    }
}

fn same_server(one: &str, other: &str) -> bool {
    match (url::Url::parse(one), url::Url::parse(other)) {
        // The path counts, but a slash at its end does not.
        (Ok(one), Ok(other)) => one.as_str().trim_end_matches('/') == other.as_str().trim_end_matches('/'),
        _ => false,
    }
}

fn options() -> ClientOptions {
    let user_agent = concat!("ferry/", env!("CARGO_PKG_VERSION")).to_owned();
    ClientOptions { user_agent, ..ClientOptions::default() }
}

/// The client commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an account, without logging in
    Register(account::Register),
    /// Log in, which adds a device to the account
    Login(account::Login),
    /// Log this device out and delete what waits for it
    Logout,
    /// Show your account, the server and this device
    Whoami,
    /// Show or change what you say about yourself
    Me(me::Me),
    /// Export everything that the relay's database holds about you
    ExportAccount(me::ExportAccount),
    /// Change the password, which logs out every other device
    Passwd(account::Passwd),
    /// Set a new password with a code from the relay's operator, which logs out every device
    ResetPassword(account::ResetPassword),
    /// Turn codes of an app beside the password on or off
    SecondFactor(second_factor::SecondFactor),
    /// Find users by the beginning of their name
    Users(account::Users),
    /// List your devices, rename one or log one out
    Devices(account::DevicesArgs),
    /// List, find, create, join and leave rooms, and manage their members
    Rooms(rooms::Rooms),
    /// Send a message to a room
    Send(send::Send),
    /// Change the text of one of your messages
    Edit(act::Edit),
    /// Delete a message for everyone in the room
    Delete(act::Delete),
    /// React to a message with an emoji
    React(act::React),
    /// Forward a message to another room
    Forward(act::Forward),
    /// Mark a room as read up to a message
    Read(read::Read),
    /// Mark notices as read
    Notices(read::Notices),
    /// Store messages as they arrive, and print them
    Tail(tail::Tail),
    /// Read and write in a full-screen window
    Tui(tui::Tui),
    /// Print what is stored of a room
    Show(recall::Show),
    /// Search what is stored
    Search(recall::Search),
    /// Look after what this device stores
    History(history::HistoryArgs),
    /// Write your history to a file that only you can open, and bring it back
    Backup(backup::BackupArgs),
    /// Write what is stored as pages to read, or as lines for programs
    Export(export::Export),
    /// Bring two of your devices together, so that each has the history of both
    Pair(pair::Pair),
    /// Make the histories of your devices equal
    Sync(sync::Sync),
    /// List, add and remove friends
    Friends(people::Friends),
    /// List your blocks, block a user or lift a block; the user is not told
    Blocks(people::Blocks),
    /// Show or change what you let others do and see
    Settings(people::Settings),
    /// Show who is online
    Who(who::Who),
    /// Administer a relay, as its operator
    Admin(Box<admin::Admin>),
}

/// Runs a command and returns its exit code. Prints to standard error why it failed.
pub async fn run(command: Command, global: &Global) -> ExitCode {
    let device = stored_device(global);
    let done = match command {
        Command::Register(args) => Box::pin(account::register(args, global)).await,
        Command::Login(args) => Box::pin(account::login(args, global)).await,
        Command::Logout => Box::pin(account::logout(global)).await,
        Command::Whoami => Box::pin(account::whoami(global)).await,
        Command::Me(args) => Box::pin(me::me(args, global)).await,
        Command::ExportAccount(args) => Box::pin(me::export_account(args, global)).await,
        Command::Passwd(args) => Box::pin(account::passwd(args, global)).await,
        Command::ResetPassword(args) => Box::pin(account::reset_password(args, global)).await,
        Command::SecondFactor(args) => Box::pin(second_factor::second_factor(args, global)).await,
        Command::Users(args) => Box::pin(account::users(args, global)).await,
        Command::Devices(args) => Box::pin(account::devices(args, global)).await,
        Command::Rooms(args) => Box::pin(rooms::rooms(args, global)).await,
        Command::Send(args) => Box::pin(send::send(args, global)).await,
        Command::Edit(args) => Box::pin(act::edit(args, global)).await,
        Command::Delete(args) => Box::pin(act::delete(args, global)).await,
        Command::React(args) => Box::pin(act::react(args, global)).await,
        Command::Forward(args) => Box::pin(act::forward(args, global)).await,
        Command::Read(args) => Box::pin(read::read(args, global)).await,
        Command::Notices(args) => Box::pin(read::notices(args, global)).await,
        Command::Tail(args) => Box::pin(tail::tail(args, global)).await,
        Command::Tui(args) => Box::pin(tui::tui(args, global)).await,
        Command::Show(args) => Box::pin(recall::show(args, global)).await,
        Command::Search(args) => Box::pin(recall::search(args, global)).await,
        Command::History(args) => Box::pin(history::history(args, global)).await,
        Command::Backup(args) => Box::pin(backup::backup(args, global)).await,
        Command::Export(args) => Box::pin(export::export(args, global)).await,
        Command::Pair(args) => Box::pin(pair::pair(args, global)).await,
        Command::Sync(args) => Box::pin(sync::sync(args, global)).await,
        Command::Friends(args) => Box::pin(people::friends(args, global)).await,
        Command::Blocks(args) => Box::pin(people::blocks(args, global)).await,
        Command::Settings(args) => Box::pin(people::settings(args, global)).await,
        Command::Who(args) => Box::pin(who::who(args, global)).await,
        Command::Admin(args) => Box::pin(admin::admin(*args, global)).await,
    };
    let Err(failure) = done else { return ExitCode::SUCCESS };
    // The profile of a login that is over would stand in the way of the next login. If the next
    // login was made meanwhile, the profile stays.
    if failure.is_logged_out()
        && device.is_some()
        && stored_device(global) == device
        && let Ok(profile) = global.profile()
        && let Ok(Some(credentials)) = profile.load()
    {
        let _ = profile.retire(&credentials);
    }
    show::notice(&failure.to_string());
    failure.exit_code()
}

fn stored_device(global: &Global) -> Option<ferry_client::DeviceId> {
    let credentials = global.profile().ok()?.load().ok()??;
    Some(credentials.device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_has_several_spellings() {
        assert!(same_server("http://Relay.example:80/", "http://relay.example"));
        assert!(!same_server("https://relay.example", "http://relay.example"));
        assert!(!same_server("http://relay.example/a", "http://relay.example"));
        assert!(!same_server("", "http://relay.example"));
    }
}
