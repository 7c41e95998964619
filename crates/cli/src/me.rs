//! `ferry me` and `ferry export-account`: the profile, and everything that the relay's database
//! holds about the user.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use ferry_client::protocol::{Me as Account, UpdateMe};
use ferry_client::{ClientError, Session};
use serde_json::json;

use super::failure::Failure;
use super::{Global, show};

#[derive(Debug, Args)]
#[command(after_help = "\
An empty text removes a field.

Examples:
  ferry me
  ferry me --display-name 'Alice A.' --about 'I answer in the evening'
  ferry me --avatar https://example.org/alice.png
  ferry me --email ''")]
pub struct Me {
    /// Set the name that others see
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Set what others read about you
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,
    /// Set your picture: an https URL, or a reference that clients understand
    #[arg(long, value_name = "REFERENCE")]
    avatar: Option<String>,
    /// Set your e-mail address, which only you see and nobody checks
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

pub async fn me(args: Me, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let Me { display_name, about, avatar, email } = args;
    let is_change = [&display_name, &about, &avatar, &email].iter().any(|field| field.is_some());
    let account = if is_change {
        session.update_me(&UpdateMe { display_name, about, avatar, email }).await?
    } else {
        session.me().await?
    };
    show::answer(global.json, &account, || rows(&account))
}

fn rows(account: &Account) -> String {
    let Account { user, email } = account;
    let fields = [
        ("username", Some(&user.username)),
        ("display name", user.display_name.as_ref()),
        ("about", user.about.as_ref()),
        ("avatar", user.avatar.as_ref()),
        ("email", email.as_ref()),
    ];
    let row = |(name, value): (&str, Option<&String>)| Some(format!("{name:<12}  {}", show::block(value?)));
    fields.into_iter().filter_map(row).collect::<Vec<_>>().join("\n")
}

#[derive(Debug, Args)]
#[command(after_help = "\
The document is JSON, and only you can read the file.

Examples:
  ferry export-account alice.json
  ferry export-account | jq .devices")]
pub struct ExportAccount {
    /// The file to write, which is replaced; without it, the document is printed
    file: Option<PathBuf>,
}

pub async fn export_account(args: ExportAccount, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let Some(path) = args.file else {
        session.export_account(&mut |part| io::stdout().write_all(part)).await?;
        return show::print("");
    };
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write(&session, &temporary)
        .await
        .and_then(|()| fs::rename(&temporary, &path).map_err(|error| Failure::file(&path, &error)));
    if written.is_err() {
        // What is there is not whole.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    show::answer(global.json, &json!({ "file": path }), || format!("wrote {}", show::line(&path.to_string_lossy())))
}

/// Writes the export to a new file that only its owner may read.
async fn write(session: &Session, path: &Path) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::file(path, error);
    let mut file = create(path).map_err(|error| failed(&error))?;
    session.export_account(&mut |part| file.write_all(part)).await.map_err(|error| match error {
        ClientError::Sink(error) => failed(&error),
        error => error.into(),
    })?;
    file.sync_all().map_err(|error| failed(&error))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
