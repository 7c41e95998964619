//! `ferry tui`: rooms and conversations in a full-screen window.
//!
//! [`app`] is what the window knows, and [`draw`] how it looks. Neither of them waits for anything,
//! so tests need no terminal. [`work`] and [`collect`] do what takes time.

mod app;
mod calendar;
mod collect;
mod compose;
mod draw;
mod health;
mod jobs;
mod keys;
mod load;
mod overlay;
mod overlay_keys;
mod pick;
mod prompt;
mod room;
mod rows;
mod saving;
mod say;
mod talk;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod work;

use std::time::Duration;

use clap::Args;
use tokio::sync::{mpsc, watch};

use super::Global;
use super::failure::Failure;
use super::keep::Keeper;
use super::show;
use app::App;
use collect::Collecting;
use talk::{Input, News};
use terminal::Screen;
use work::Worker;

/// The most news that wait for the window. At the limit the connection is not read.
const NEWS: usize = 256;
/// How often the window looks at its clock.
const TICK: Duration = Duration::from_millis(250);
/// How long to wait at the end for the acks.
const CLOSE_WAIT: Duration = Duration::from_secs(6);

#[derive(Debug, Args)]
#[command(after_help = format!("\
The window stores what comes in the history of this device before it acknowledges it, as `ferry tail` does.
A room that you see to its end is marked as read on all your devices.
What cannot be sent stays in the history: `ferry send --again` sends it.
While another command collects for this history, the window only reads.

{}", keys::HELP))]
pub struct Tui {}

pub async fn tui(_: Tui, global: &Global) -> Result<(), Failure> {
    if global.json {
        return Err(Failure::usage("ferry tui is for people: use ferry tail --json in scripts"));
    }
    let (session, profile) = global.session()?;
    let (keeper, views) = (Keeper::open(&session, &profile).await?, Keeper::open(&session, &profile).await?);
    let app = App::new(&session.credentials().user.username);
    let screen = Screen::take()?;
    let (news_in, news) = mpsc::channel(NEWS);
    let (stop, stopped) = watch::channel(false);
    let worker = Worker::new(session, views, news_in);
    let collecting = tokio::spawn(Collecting::new(worker.clone(), keeper, stopped).run());
    let done = run(screen, app, news, &worker).await;
    // The terminal is the user's again. What is on its way now is in the outbox.
    let _ = stop.send(true);
    // A backup that is half written is removed.
    worker.stop(jobs::Work::Backup);
    let _ = tokio::time::timeout(CLOSE_WAIT, collecting).await;
    done
}

/// Shows the window until the user closes it.
async fn run(mut screen: Screen, mut app: App, mut news: mpsc::Receiver<News>, worker: &Worker) -> Result<(), Failure> {
    let mut keys = terminal::read_input();
    let mut tick = tokio::time::interval(TICK);
    let mut stop = std::pin::pin!(super::job::stopped());
    let mut is_new = true;
    while !app.is_over {
        if screen.is_lost() {
            return Err(Failure::failed("the window was closed by a fault in this program"));
        }
        if is_new {
            let drawn = screen.terminal.draw(|frame| draw::draw(frame, &mut app));
            drawn.map_err(|error| Failure::failed(format!("cannot draw: {error}")))?;
            app.drawn();
        }
        app.tasks().into_iter().for_each(|task| worker.begin(task));
        is_new = true;
        tokio::select! {
            // The signal comes first, because news may come without end.
            biased;
            () = &mut stop => return Ok(()),
            key = keys.recv() => match key {
                Some(key) => app.update(key),
                None => return Err(Failure::failed("the terminal is gone")),
            },
            Some(news) = news.recv() => app.update(Input::News(news)),
            _ = tick.tick() => {
                // A window that stands still sends nothing to the terminal.
                is_new = !app.notes.is_empty();
                app.update(Input::Tick);
            }
        }
        // What came together is drawn once.
        for _ in 0..NEWS {
            let Some(input) = keys.try_recv().ok().or_else(|| news.try_recv().ok().map(Input::News)) else { break };
            app.update(input);
            is_new = true;
        }
        for text in show::held_notices() {
            app.note(&text, None);
            is_new = true;
        }
    }
    app.failure.map_or(Ok(()), Err)
}
