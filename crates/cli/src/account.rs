//! Accounts, logins and devices.

use clap::{Args, Subcommand};
use ferry_client::protocol::{CreateAccount, Device, ErrorCode, User};
use ferry_client::{ClientError, DeviceId, LoginWith, Paging, Proof, Secret};
use serde_json::json;

use super::failure::Failure;
use super::second_factor::{ClientOr, with_code};
use super::{Global, password, show};

/// The longest default device name, in characters. A longer machine name is cut.
const DEVICE_NAME_MAX: usize = 64;

#[derive(Debug, Args)]
#[command(after_help = "\
Type the password when asked, or use --password-stdin or $FERRY_PASSWORD.

Examples:
  ferry register alice
  printf %s \"$SECRET\" | ferry register alice --password-stdin --display-name 'Alice A.'")]
pub struct Register {
    /// The name to log in with
    name: String,
    /// The display name
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// The token that the relay's operator gave you
    #[arg(long, env = "FERRY_REGISTRATION_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Secret>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

pub async fn register(args: Register, global: &Global) -> Result<(), Failure> {
    let client = global.client()?;
    password::warn_if_plain(client.server());
    let secret = password::ask("Password", "FERRY_PASSWORD", args.password_stdin, true)?;
    let account = CreateAccount {
        username: args.name,
        password: secret,
        display_name: args.display_name,
        registration_token: args.token,
    };
    let user = client.register_with(&account).await?;
    show::answer(global.json, &user, || format!("registered {}", show::line(&user.username)))
}

#[derive(Debug, Args)]
#[command(after_help = "\
Type the password when asked, or use --password-stdin or $FERRY_PASSWORD.
The profile remembers the server, so later commands need no --server.

Examples:
  ferry login alice
  ferry --profile work --server https://ferry.example login alice --device-name 'office machine'
  ferry login alice --replace 0198c0de-0000-7000-8000-000000000000")]
pub struct Login {
    /// The name to log in with
    name: String,
    /// The name of this device in the list of devices [default: this machine's name]
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
    /// Take the place of one of your devices, with all that waits for it
    #[arg(long, value_name = "DEVICE")]
    replace: Option<DeviceId>,
    /// The code of your second factor, or a recovery code; asked for if it is needed
    #[arg(long)]
    code: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

pub async fn login(args: Login, global: &Global) -> Result<(), Failure> {
    let (client, profile) = (global.client()?, global.profile()?);
    // The old device would stay logged in, and no one could read its queue or log it out.
    if let Some(credentials) = profile.load()? {
        return Err(Failure::failed(format!(
            "the profile {} is already logged in as {}: log out first, or use another --profile",
            global.profile, credentials.user.username
        )));
    }
    password::warn_if_plain(client.server());
    let secret = password::ask("Password", "FERRY_PASSWORD", args.password_stdin, false)?;
    let device_name = args.device_name.unwrap_or_else(machine_name);
    let last = profile.last_device(client.server(), &args.name);
    let known = profile.known(client.server(), &args.name);
    let (client_of, name, replace) = (&client, &args.name, args.replace);
    let log_in = async |replaced: Option<DeviceId>, code: Option<&Secret>| {
        let with = LoginWith { replaced, code: code.cloned(), known: known.clone() };
        client_of.login_with(name, &secret, &device_name, with).await
    };
    let login = with_code(args.code, async |code| match log_in(replace.or(last), code.as_ref()).await {
        // The device of this profile was logged out, and nothing waits for it.
        Err(error) if last.is_some() && replace.is_none() && error.code() == Some(ErrorCode::Invalid) => {
            log_in(None, code.as_ref()).await
        }
        login => login,
    });
    let credentials = login.await.map_err(|error| match error {
        ClientOr::Client(error) => with_devices(error, name),
        ClientOr::Failure(failure) => failure,
    })?;
    if let Err(failure) = profile.log_in(&credentials) {
        if args.replace.or(last) == Some(credentials.device) {
            // What waits for it stays, for the next try.
            return Err(failure);
        }
        // No one could use this device, so it must not stay.
        let session = ferry_client::Session::new(client, credentials, ferry_client::InMemory::shared());
        let _ = session.logout().await;
        return Err(failure);
    }
    let answer = json!({ "user": credentials.user, "device": credentials.device, "server": credentials.server });
    show::answer(global.json, &answer, || {
        format!("logged in as {} at {}", show::line(&credentials.user.username), credentials.server)
    })
}

/// Adds the user's devices to the answer to a login that is one too many.
fn with_devices(error: ClientError, name: &str) -> Failure {
    let devices = match &error {
        ClientError::Problem(problem) if problem.code == ErrorCode::DeviceLimit => problem.devices.clone(),
        _ => return error.into(),
    };
    Failure::failed(format!(
        "{error}\n\n{}\n\nTo take the place of one of them: ferry login {} --replace DEVICE",
        show::table(devices.iter().map(device_row)),
        show::line(name)
    ))
}

fn machine_name() -> String {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let name: String = name.chars().filter(|c| !c.is_control()).take(DEVICE_NAME_MAX).collect();
    if name.is_empty() { "ferry".to_owned() } else { name }
}

pub async fn logout(global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    match session.logout().await {
        // A device that is logged out already is logged out as well.
        Ok(()) | Err(ClientError::LoggedOut) => {}
        Err(error) => return Err(error.into()),
    }
    profile.forget()?;
    show::answer(global.json, &json!({ "device": session.credentials().device }), || "logged out".to_owned())
}

pub async fn whoami(global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let user = session.me().await?.user;
    let credentials = session.credentials();
    let answer = json!({ "user": user, "device": credentials.device, "server": credentials.server });
    show::answer(global.json, &answer, || {
        format!("{} at {}, device {}", name_of(&user), credentials.server, credentials.device)
    })
}

#[derive(Debug, Args)]
#[command(after_help = "\
Type the passwords when asked, or use --password-stdin, or $FERRY_PASSWORD and $FERRY_NEW_PASSWORD.
On standard input the old password is on the first line and the new one on the second.")]
pub struct Passwd {
    /// Read the old and the new password from standard input, one on each line
    #[arg(long)]
    password_stdin: bool,
    /// The code of your second factor, or a recovery code; asked for if it is needed
    #[arg(long)]
    code: Option<String>,
}

pub async fn passwd(args: Passwd, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    password::warn_if_plain(session.client().server());
    let old = password::ask("Old password", "FERRY_PASSWORD", args.password_stdin, false)?;
    let new = password::ask("New password", "FERRY_NEW_PASSWORD", args.password_stdin, true)?;
    with_code(args.code, async |code| session.change_password(Proof { password: old.clone(), code }, &new).await)
        .await?;
    show::answer(global.json, &json!({}), || "password changed; your other devices are logged out".to_owned())
}

#[derive(Debug, Args)]
#[command(after_help = "\
Type the code and the new password when asked, or use --password-stdin, or $FERRY_RESET_CODE and $FERRY_NEW_PASSWORD.
On standard input the code is on the first line and the new password on the second.")]
pub struct ResetPassword {
    /// The name to log in with
    name: String,
    /// Read the code and the new password from standard input, one on each line
    #[arg(long)]
    password_stdin: bool,
}

pub async fn reset_password(args: ResetPassword, global: &Global) -> Result<(), Failure> {
    let client = global.client()?;
    password::warn_if_plain(client.server());
    let code = password::ask("Code", "FERRY_RESET_CODE", args.password_stdin, false)?;
    let new = password::ask("New password", "FERRY_NEW_PASSWORD", args.password_stdin, true)?;
    client.reset_password(&args.name, &code, &new).await?;
    show::answer(global.json, &json!({}), || "the new password is set; all devices are logged out".to_owned())
}

#[derive(Debug, Args)]
pub struct Users {
    /// The beginning of a username or display name
    query: String,
    /// The most users to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
}

pub async fn users(args: Users, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let paging = Paging { limit: Some(args.limit), cursor: None };
    let users = session.find_users(&args.query, &paging).await?.items;
    show::answer(global.json, &users, || {
        show::table(users.iter().map(|user| {
            vec![user.id.to_string(), user.username.clone(), user.display_name.clone().unwrap_or_default()]
        }))
    })
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ferry devices
  ferry devices rename 0198c0de-0000-7000-8000-000000000000 'old phone'
  ferry devices logout 0198c0de-0000-7000-8000-000000000000")]
pub struct DevicesArgs {
    #[command(subcommand)]
    what: Option<DevicesCommand>,
}

#[derive(Debug, Subcommand)]
enum DevicesCommand {
    /// List your devices, the newest last; * marks this one
    List,
    /// Rename a device
    Rename {
        /// The id of the device
        device: DeviceId,
        /// The new name
        name: String,
    },
    /// Log a device out. Asks for your password if this device has not proved it lately
    Logout {
        /// The id of the device
        device: DeviceId,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// The code of your second factor, or a recovery code; asked for if it is needed
        #[arg(long)]
        code: Option<String>,
    },
}

pub async fn devices(args: DevicesArgs, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    match args.what {
        None | Some(DevicesCommand::List) => {
            let devices = session.devices().await?;
            show::answer(global.json, &devices, || show::table(devices.iter().map(device_row)))
        }
        Some(DevicesCommand::Rename { device, name }) => {
            let device = session.rename_device(device, &name).await?;
            show::answer(global.json, &device, || format!("{} is {}", device.id, show::line(&device.name)))
        }
        Some(DevicesCommand::Logout { device, password_stdin, code }) => {
            match session.logout_device(device).await {
                Err(error) if error.code() == Some(ErrorCode::PasswordNeeded) => {
                    password::warn_if_plain(session.client().server());
                    let secret = password::ask("Password", "FERRY_PASSWORD", password_stdin, false)?;
                    with_code(code, async |code| {
                        session.logout_device_with(device, Proof { password: secret.clone(), code }).await
                    })
                    .await?;
                }
                outcome => outcome?,
            }
            if device == session.credentials().device {
                profile.forget()?;
            }
            show::answer(global.json, &json!({ "device": device }), || format!("logged out {device}"))
        }
    }
}

fn device_row(device: &Device) -> Vec<String> {
    let seen = show::time(device.last_seen_at, "%F %R");
    vec![
        if device.current { "*" } else { " " }.to_owned(),
        device.id.to_string(),
        device.name.clone(),
        if device.online { "online".to_owned() } else { format!("last seen {seen}") },
        device.ip.clone(),
    ]
}

fn name_of(user: &User) -> String {
    let username = show::line(&user.username);
    match &user.display_name {
        Some(name) => format!("{username} ({})", show::line(name)),
        None => username,
    }
}
