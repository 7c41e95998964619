//! `ferry friends …`, `ferry blocks …` and `ferry settings …`.

use clap::{Args, Subcommand, ValueEnum};
use ferry_client::Session;
use ferry_client::protocol::{Allow, Block, Friend, FriendState, UpdateSettings, User, UserSettings};
use serde_json::json;

use super::failure::Failure;
use super::{Global, resolve, show};

#[derive(Debug, Args)]
#[command(after_help = "\
USER is a username or an id.

Examples:
  ferry friends
  ferry friends list --state incoming
  ferry friends add bob
  ferry friends accept alice
  ferry friends remove bob")]
pub struct Friends {
    #[command(subcommand)]
    what: Option<FriendsCommand>,
}

#[derive(Debug, Subcommand)]
enum FriendsCommand {
    /// List your friends and the open requests
    List {
        /// List only friends, incoming requests or outgoing requests
        #[arg(long)]
        state: Option<FriendState>,
    },
    /// Ask a user to be your friend, or accept their request
    Add {
        /// The user to ask
        user: String,
    },
    /// Accept a user's request
    Accept {
        /// The user who has asked
        user: String,
    },
    /// End a friendship, withdraw your request or decline theirs
    #[command(visible_aliases = ["reject", "cancel"])]
    Remove {
        /// The other user
        user: String,
    },
}

pub async fn friends(args: Friends, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    match args.what.unwrap_or(FriendsCommand::List { state: None }) {
        FriendsCommand::List { state } => {
            let all = [FriendState::Friends, FriendState::Incoming, FriendState::Outgoing];
            let mut friends = Vec::new();
            for state in all.into_iter().filter(|one| state.is_none_or(|state| state == *one)) {
                friends.extend(session.all_friends(state).await?);
            }
            show::answer(global.json, &friends, || show::table(friends.iter().map(friend_row)))
        }
        FriendsCommand::Add { user } => {
            let user = resolve::user(&session, &user).await?;
            befriend(&session, &user, global.json).await
        }
        FriendsCommand::Accept { user } => {
            let user = resolve::user(&session, &user).await?;
            let requests = session.all_friends(FriendState::Incoming).await?;
            if !requests.iter().any(|request| request.user == user.id) {
                return Err(Failure::failed(format!("{} has not asked to be your friend", user.username)));
            }
            befriend(&session, &user, global.json).await
        }
        FriendsCommand::Remove { user } => {
            let user = resolve::user(&session, &user).await?;
            session.unfriend(user.id).await.map_err(|error| match error.status() {
                Some(404) => {
                    Failure::failed(format!("there is no friendship or request between you and {}", user.username))
                }
                _ => error.into(),
            })?;
            let words = || format!("{} is not your friend", show::line(&user.username));
            show::answer(global.json, &json!({ "user": user.id }), words)
        }
    }
}

async fn befriend(session: &Session, user: &User, json: bool) -> Result<(), Failure> {
    let friend = session.befriend(user.id).await?;
    let name = show::line(&friend.username);
    show::answer(json, &friend, || match friend.state {
        FriendState::Friends => format!("{name} is your friend"),
        FriendState::Incoming | FriendState::Outgoing => format!("asked {name}"),
    })
}

fn friend_row(friend: &Friend) -> Vec<String> {
    let state = match friend.state {
        FriendState::Friends => "friend",
        FriendState::Incoming => "asks you",
        FriendState::Outgoing => "asked by you",
    };
    person_row(&friend.username, state, friend.since, friend.display_name.as_deref())
}

fn person_row(username: &str, state: &str, since: i64, display_name: Option<&str>) -> Vec<String> {
    let since = show::time(since, "%F %R");
    vec![username.to_owned(), state.to_owned(), since, display_name.unwrap_or_default().to_owned()]
}

#[derive(Debug, Args)]
#[command(after_help = "\
USER is a username or an id.

Examples:
  ferry blocks
  ferry blocks add mallory
  ferry blocks remove mallory")]
pub struct Blocks {
    #[command(subcommand)]
    what: Option<BlocksCommand>,
}

#[derive(Debug, Subcommand)]
enum BlocksCommand {
    /// List the users that you have blocked
    List,
    /// Block a user, which also ends a friendship with them
    Add {
        /// The user to block
        user: String,
    },
    /// Lift a block
    Remove {
        /// The blocked user
        user: String,
    },
}

pub async fn blocks(args: Blocks, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    match args.what.unwrap_or(BlocksCommand::List) {
        BlocksCommand::List => {
            let blocks = session.all_blocks().await?;
            let row =
                |block: &Block| person_row(&block.username, "blocked", block.since, block.display_name.as_deref());
            show::answer(global.json, &blocks, || show::table(blocks.iter().map(row)))
        }
        BlocksCommand::Add { user } => {
            let block = session.block(resolve::user(&session, &user).await?.id).await?;
            show::answer(global.json, &block, || format!("blocked {}", show::line(&block.username)))
        }
        BlocksCommand::Remove { user } => {
            let user = resolve::user(&session, &user).await?;
            session.unblock(user.id).await.map_err(|error| match error.status() {
                Some(404) => Failure::failed(format!("{} is not blocked", user.username)),
                _ => error.into(),
            })?;
            let words = || format!("{} is no longer blocked", show::line(&user.username));
            show::answer(global.json, &json!({ "user": user.id }), words)
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
KEY is one of:
  direct    who may open a direct room with you: anybody or friends
  add       who may add you to groups and channels: anybody or friends
  receipts  whether others learn what you have read: on or off
  presence  whether others see when you are online: on or off
  findable  whether a search finds you by a part of your name: on or off

Examples:
  ferry settings
  ferry settings direct friends
  ferry settings presence off")]
pub struct Settings {
    /// The setting; without it, all settings are shown
    key: Option<Key>,
    /// The new value; without it, the setting is shown
    value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Key {
    Direct,
    Add,
    Receipts,
    Presence,
    Findable,
}

pub async fn settings(args: Settings, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let settings = match (args.key, args.value) {
        (Some(key), Some(value)) => session.update_settings(&update(key, &value)?).await?,
        _ => session.settings().await?,
    };
    show::answer(global.json, &settings, || {
        let rows = Key::value_variants().iter().filter(|key| args.key.is_none_or(|wanted| wanted == **key));
        show::table(rows.map(|key| setting_row(*key, &settings)))
    })
}

fn setting_row(key: Key, settings: &UserSettings) -> Vec<String> {
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let (name, value) = match key {
        Key::Direct => ("direct", settings.direct.to_string()),
        Key::Add => ("add", settings.add.to_string()),
        Key::Receipts => ("receipts", switch(settings.receipts)),
        Key::Presence => ("presence", switch(settings.presence)),
        Key::Findable => ("findable", switch(settings.findable)),
    };
    vec![name.to_owned(), value]
}

fn update(key: Key, value: &str) -> Result<UpdateSettings, Failure> {
    let none = UpdateSettings::default();
    let allow = || value.parse::<Allow>().map_err(|_| Failure::usage("the value must be anybody or friends"));
    let switch = || match value {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err(Failure::usage("the value must be on or off")),
    };
    Ok(match key {
        Key::Direct => UpdateSettings { direct: Some(allow()?), ..none },
        Key::Add => UpdateSettings { add: Some(allow()?), ..none },
        Key::Receipts => UpdateSettings { receipts: Some(switch()?), ..none },
        Key::Presence => UpdateSettings { presence: Some(switch()?), ..none },
        Key::Findable => UpdateSettings { findable: Some(switch()?), ..none },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_the_key_does_not_take_is_the_command_lines_fault() {
        let friends = UpdateSettings { direct: Some(Allow::Friends), ..UpdateSettings::default() };
        assert_eq!(update(Key::Direct, "friends").unwrap(), friends);
        let off = UpdateSettings { presence: Some(false), ..UpdateSettings::default() };
        assert_eq!(update(Key::Presence, "off").unwrap(), off);
        for (key, value) in [(Key::Direct, "nobody"), (Key::Add, "on"), (Key::Receipts, "friends"), (Key::Presence, "")]
        {
            assert!(update(key, value).is_err(), "{key:?} {value}");
        }
    }
}
