//! The terminal: how it is taken, and how it is given back whatever happens.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, MouseEventKind};
use ratatui::crossterm::{event as on, execute, terminal};
use tokio::sync::mpsc;

use super::talk::Input;
use crate::failure::Failure;
use crate::show;

/// How long a key is waited for, before the thread looks whether it shall end.
const POLL: Duration = Duration::from_millis(100);
/// The most events that wait. Past it the terminal is not read.
const WAITING: usize = 64;

/// Whether the terminal is ours.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal as long as the window is on it. Dropping it gives the terminal back.
pub struct Screen {
    pub terminal: Terminal<CrosstermBackend<io::Stdout>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Fails if standard input or output is none.
    pub fn take() -> Result<Self, Failure> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Failure::usage("ferry tui needs a terminal: use ferry tail, show and send in scripts"));
        }
        let failed = |error: io::Error| Failure::failed(format!("cannot use the terminal: {error}"));
        give_back_on_panic();
        show::hold_notices();
        IS_TAKEN.store(true, Ordering::SeqCst);
        let taken = terminal::enable_raw_mode().and_then(|()| {
            execute!(io::stdout(), terminal::EnterAlternateScreen, on::EnableMouseCapture, on::EnableBracketedPaste)
        });
        match taken.and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout()))) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(failed(error))
            }
        }
    }

    /// Returns whether the terminal was given back, because something has panicked.
    pub fn is_lost(&self) -> bool {
        !IS_TAKEN.load(Ordering::SeqCst)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back. Calling it again has no further effect.
fn give_back() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // If one of these fails, the others may still help.
    let _ = execute!(io::stdout(), on::DisableBracketedPaste, on::DisableMouseCapture);
    let _ = execute!(io::stdout(), terminal::LeaveAlternateScreen, ratatui::crossterm::cursor::Show);
    let _ = terminal::disable_raw_mode();
    let _ = io::stdout().flush();
    show::release_notices();
}

/// What a panic prints must not be printed onto the window and vanish with it.
fn give_back_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        give_back();
        before(info);
    }));
}

fn is_idle(kind: MouseEventKind) -> bool {
    matches!(kind, MouseEventKind::Moved | MouseEventKind::Drag(_) | MouseEventKind::Up(_))
}

/// Reads keys, the mouse and the size of the window, on a thread of its own. The channel closes
/// when the terminal is gone.
pub fn read_input() -> mpsc::Receiver<Input> {
    let (to, from) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        while !to.is_closed() {
            match event::poll(POLL) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(_) => return,
            }
            let input = match event::read() {
                Ok(Event::Key(key)) => Input::Key(key),
                // A terminal tells every move, and none of them changes anything.
                Ok(Event::Mouse(mouse)) if is_idle(mouse.kind) => continue,
                Ok(Event::Mouse(mouse)) => Input::Mouse(mouse),
                Ok(Event::Paste(text)) => Input::Paste(text),
                Ok(Event::Resize(..)) => Input::Resize,
                Ok(_) => continue,
                Err(_) => return,
            };
            if to.blocking_send(input).is_err() {
                return;
            }
        }
    });
    from
}
