//! Users, their devices and their limits.

use clap::Subcommand;
use ferry_client::DeviceId;
use serde_json::{Value, json};

use super::{
    connection::{Connection, segment},
    text, time,
};
use crate::{Global, failure::Failure, show};

/// Commands on users. A user is named by their username or id.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// List users by their username
    List {
        /// Only those whose username begins like this
        #[arg(long, value_name = "TEXT")]
        prefix: Option<String>,
        /// Only those who are disabled
        #[arg(long)]
        disabled: bool,
        /// The most users to show
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Show one user
    Show {
        /// The username or id
        user: String,
    },
    /// Keep a user out: no login works, and all connections close. Devices and what waits for them
    /// stay
    Disable {
        /// The username or id
        user: String,
    },
    /// Let a user log in again. A login that takes the place of a device gets what waits for it
    Enable {
        /// The username or id
        user: String,
    },
    /// Delete an account with its devices, rooms and memberships
    Delete {
        /// The username or id
        user: String,
        /// Do it: nothing brings the account back
        #[arg(long)]
        yes: bool,
    },
    /// Make a code with which the user sets a new password, once and within a day
    ResetPassword {
        /// The username or id
        user: String,
    },
    /// Take away the second factor of a user who has lost it
    RemoveSecondFactor {
        /// The username or id
        user: String,
    },
}

/// Commands on the devices of a user.
#[derive(Debug, Subcommand)]
pub enum Devices {
    /// List the devices of a user
    List {
        /// The username or id
        user: String,
    },
    /// Log a device out, and delete what waits for it
    Logout {
        /// The username or id
        user: String,
        /// The id of the device
        #[arg(required_unless_present = "all")]
        device: Option<DeviceId>,
        /// All devices of the user
        #[arg(long, conflicts_with = "device")]
        all: bool,
    },
}

/// Commands on what a user may have.
#[derive(Debug, Subcommand)]
pub enum Quota {
    /// Set how many devices a user may have
    Set {
        /// The username or id
        user: String,
        /// What to limit
        #[arg(value_parser = ["devices"])]
        what: String,
        /// How many; `default` means as many as the relay allows
        #[arg(value_parser = number_or_default)]
        most: Most,
    },
}

/// A limit. `None` is that of the relay.
#[derive(Debug, Clone)]
pub struct Most(Option<u32>);

fn number_or_default(text: &str) -> Result<Most, String> {
    match text {
        "default" => Ok(Most(None)),
        text => text.parse().map(|most| Most(Some(most))).map_err(|_| "must be a number or `default`".to_owned()),
    }
}

fn path_of(user: &str, rest: &str) -> String {
    format!("/admin/v1/users/{}{rest}", segment(user))
}

/// Runs a command on users.
pub async fn users(what: Users, relay: &Connection, global: &Global) -> Result<(), Failure> {
    match what {
        Users::List { prefix, disabled, limit } => {
            let mut query: Vec<_> = prefix.map(|prefix| ("prefix", prefix)).into_iter().collect();
            if disabled {
                query.push(("disabled", "true".to_owned()));
            }
            let users = relay.list("/admin/v1/users", &query, limit.max(1)).await?;
            show::answer(global.json, &users, || show::table(users.iter().map(row)))
        }
        Users::Show { user } => {
            let found = relay.get(&path_of(&user, ""), &[]).await?;
            show::answer(global.json, &found, || in_words(&found))
        }
        Users::Disable { user } => {
            let done = relay.post(&path_of(&user, "/disable"), &json!({})).await?;
            show::answer(global.json, &done, || {
                let devices = show::count(done["devices"].as_u64().unwrap_or_default(), "device");
                format!("{} is disabled; {devices} cannot connect any more", show::line(&user))
            })
        }
        Users::Enable { user } => {
            let done = relay.post(&path_of(&user, "/enable"), &json!({})).await?;
            show::answer(global.json, &done, || match done["changed"] == true {
                true => format!("{} may log in again", show::line(&user)),
                false => format!("{} was not disabled", show::line(&user)),
            })
        }
        Users::Delete { user, yes: false } => {
            Err(Failure::usage(format!("nothing brings an account back: to delete {}, say --yes", show::line(&user))))
        }
        Users::Delete { user, yes: true } => {
            relay.delete(&path_of(&user, "")).await?;
            show::answer(global.json, &json!({}), || format!("deleted {}", show::line(&user)))
        }
        Users::ResetPassword { user } => {
            let done = relay.post(&path_of(&user, "/password-reset"), &json!({})).await?;
            show::answer(global.json, &done, || {
                format!(
                    "{}\n\nThe code counts once, until {}. Give it to the user, who runs:\n  ferry reset-password {}",
                    show::line(text(&done, "code")),
                    time(&done, "expires_at"),
                    show::line(&user)
                )
            })
        }
        Users::RemoveSecondFactor { user } => {
            let done = relay.delete(&path_of(&user, "/second-factor")).await?;
            show::answer(global.json, &done, || match done["changed"] == true {
                true => format!("{} has no second factor any more", show::line(&user)),
                false => format!("{} had no second factor", show::line(&user)),
            })
        }
    }
}

/// Runs a command on the devices of a user.
pub async fn devices(what: Devices, relay: &Connection, global: &Global) -> Result<(), Failure> {
    match what {
        Devices::List { user } => {
            let found = devices_of(relay, &user).await?;
            show::answer(global.json, &found, || {
                show::table(found.iter().map(|device| {
                    let seen = time(device, "last_seen_at");
                    vec![text(device, "id").to_owned(), text(device, "name").to_owned(), format!("last seen {seen}")]
                }))
            })
        }
        Devices::Logout { user, device, all: _ } => {
            let gone: Vec<String> = match device {
                Some(device) => vec![device.to_string()],
                None => devices_of(relay, &user).await?.iter().map(|device| text(device, "id").to_owned()).collect(),
            };
            for device in &gone {
                relay.delete(&path_of(&user, &format!("/devices/{}", segment(device)))).await?;
            }
            show::answer(global.json, &json!({ "devices": gone }), || {
                format!("logged out {}", show::count(gone.len() as u64, "device"))
            })
        }
    }
}

async fn devices_of(relay: &Connection, user: &str) -> Result<Vec<Value>, Failure> {
    let mut found = relay.get(&path_of(user, "/devices"), &[]).await?;
    match found["devices"].take() {
        Value::Array(devices) => Ok(devices),
        _ => Ok(Vec::new()),
    }
}

/// Runs a command on what a user may have.
pub async fn quota(what: Quota, relay: &Connection, global: &Global) -> Result<(), Failure> {
    let Quota::Set { user, what: _, most: Most(most) } = what;
    relay.put(&path_of(&user, "/quota"), &json!({ "devices": most })).await?;
    show::answer(global.json, &json!({ "devices": most }), || match most {
        Some(most) => format!("{} may have {}", show::line(&user), show::count(most.into(), "device")),
        None => format!("{} may have as many devices as the relay allows", show::line(&user)),
    })
}

fn row(user: &Value) -> Vec<String> {
    let disabled = if user["disabled_at"].is_null() { "" } else { "disabled" };
    vec![
        text(user, "id").to_owned(),
        text(user, "username").to_owned(),
        show::count(user["devices"].as_u64().unwrap_or_default(), "device"),
        time(user, "last_seen_at"),
        disabled.to_owned(),
    ]
}

fn in_words(found: &Value) -> String {
    let user = &found["user"];
    let limit = user["max_devices"].as_u64().map(|most| format!(" of {most}")).unwrap_or_default();
    let disabled = time(user, "disabled_at");
    let rows = [
        ("id", text(user, "id").to_owned()),
        ("username", text(user, "username").to_owned()),
        ("created", time(user, "created_at")),
        ("last seen", time(user, "last_seen_at")),
        ("devices", format!("{}{limit}", user["devices"])),
        ("rooms", found["rooms"].to_string()),
        ("second factor", if found["second_factor"] == true { "on" } else { "off" }.to_owned()),
        ("disabled", if disabled.is_empty() { "no".to_owned() } else { format!("since {disabled}") }),
    ];
    show::table(rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}
