//! Writing a backup beside the window.

use std::path::{Path, PathBuf};

use ferry_client::protocol::now_ms;
use ferry_history::HistoryError;
use tokio::sync::mpsc;

use super::jobs::Work;
use super::overlay::Saving;
use super::talk::News;
use super::text::Editor;
use crate::backup;
use crate::failure::Failure;
use crate::job::{Meter, Stop};
use crate::keep::Keeper;

/// Returns whether a backup can be written, and the directory of the last one.
pub async fn can_save(keeper: &Keeper) -> Result<Saving, HistoryError> {
    let (key, last) = keeper.run(|history| Ok((history.recovery_key()?, history.backups()?.pop()))).await?;
    let directory = last.and_then(|made| Some(Path::new(&made.path).parent()?.display().to_string()));
    Ok(match key {
        Some(_) => Saving::To(Editor::with(directory.unwrap_or_default())),
        None => Saving::NoKey,
    })
}

/// Writes a backup for the recovery key, and returns what came of it.
pub async fn save(keeper: &Keeper, user: String, to: &str, stop: &Stop, news: mpsc::Sender<News>) -> String {
    match try_save(keeper, user, to, stop, news).await {
        Ok(words) => words,
        Err(failure) => format!("no backup was written: {failure}"),
    }
}

async fn try_save(
    keeper: &Keeper,
    user: String,
    to: &str,
    stop: &Stop,
    news: mpsc::Sender<News>,
) -> Result<String, Failure> {
    let directory = expanded(to);
    if !directory.is_dir() {
        return Err(Failure::usage(format!("{} is no directory", directory.display())));
    }
    // The window reads its own history meanwhile.
    let keeper = keeper.another().await?;
    let Some(recipient) = keeper.run(|history| history.recovery_key()).await? else {
        return Err(Failure::failed("there is no recovery key yet"));
    };
    let (lock, now) = (recipient.lock()?, now_ms());
    let tell = move |at, took| {
        // If the window is busy, the next one says how far it is.
        let _ = news.try_send(News::Progress { work: Work::Backup, at, took });
    };
    let mut meter = Meter::telling(stop, tell);
    let created = keeper
        .run(move |history| backup::write(history, &directory, Some(user), &lock, false, now, &mut meter))
        .await?;
    Ok([Some(backup::words(&created)), backup::left_out(&created)].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// Returns a directory as the user means it: a shell would know what `~` is.
fn expanded(directory: &str) -> PathBuf {
    let directory = directory.trim();
    let home = directory.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (home, std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(directory),
    }
}
