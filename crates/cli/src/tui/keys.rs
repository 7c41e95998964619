//! What the keys and the mouse do.

use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Position;

use super::app::App;
use super::load::{Load, PAGE};
use super::overlay::{Focus, Overlay, Saving, Search};
use super::prompt::Prompt;
use super::room::Scroll;
use super::talk::Task;
use super::text::Editor;

/// How many rows the wheel scrolls.
const WHEEL: isize = 3;
/// How many rooms PageUp and PageDown skip.
const ROOMS_PAGE: usize = 10;

/// The keys, for the help.
pub const HELP: &str = "\
Keys:
  Up, Down            choose a room; scroll the conversation
  PageUp, PageDown    the same in greater steps
  Home, End           go to the first or last room or message
  Enter               open the room; send the message
  Tab                 go from the rooms to the conversation, and back
  Alt-Enter           begin a new line in the message
  Alt-Up  Ctrl-P      select a message; Alt-Down, Ctrl-N, Up and Down go on
  r  e  d  +          with a selected message: reply, edit, delete, react
  /  Ctrl-F           search; Enter shows the message where it was said
  F1 ?                show the keys
  F2                  show how the history is: b writes a backup, c shows years
  F3                  show your devices: p shows a code that pairs another one
  s                   in F2 and F3: sync with your other devices now
  F4                  show what runs: x ends it
  Esc                 close what is open; go back to the rooms
  q  Ctrl-C           quit (q in the list of rooms)
While you type a message, /, Home and End belong to it.
Mouse: click a room to open it, a message to select it; the wheel scrolls.";

impl App {
    pub fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if ctrl => self.is_over = true,
            KeyCode::Char('f') if ctrl => self.open_search(),
            KeyCode::F(1) => self.overlay = Some(Overlay::Help),
            KeyCode::F(2) => {
                self.overlay = Some(Overlay::Status(None));
                self.need(Task::Status);
            }
            KeyCode::F(3) => {
                self.overlay = Some(Overlay::Devices(None));
                self.need(Task::Devices);
            }
            KeyCode::F(4) => self.overlay = Some(Overlay::Jobs),
            _ if self.overlay.is_some() => self.overlay_key(key),
            KeyCode::Tab | KeyCode::BackTab => {
                self.focus = if self.focus == Focus::List && self.open.is_some() { Focus::Room } else { Focus::List };
            }
            _ if self.focus == Focus::List => self.list_key(key),
            _ => self.room_key(key),
        }
    }

    fn open_search(&mut self) {
        self.overlay = Some(Overlay::Search(Search::new(self.focus)));
    }

    fn list_key(&mut self, key: KeyEvent) {
        let last = self.rooms.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('q') => self.is_over = true,
            KeyCode::Char('?') => self.overlay = Some(Overlay::Help),
            KeyCode::Char('/') => self.open_search(),
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down => self.selected = (self.selected + 1).min(last),
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(ROOMS_PAGE),
            KeyCode::PageDown => self.selected = (self.selected + ROOMS_PAGE).min(last),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::Enter | KeyCode::Right => self.open_selected(),
            _ => {}
        }
    }

    fn open_selected(&mut self) {
        let Some(room) = self.rooms.get(self.selected).map(|row| row.id) else { return };
        // A room that is open stays as far scrolled as it is.
        if self.open.as_ref().is_some_and(|open| open.id == room) {
            self.focus = Focus::Room;
        } else {
            self.open(room, None);
        }
    }

    fn room_key(&mut self, key: KeyEvent) {
        let Some(open) = &mut self.open else {
            self.focus = Focus::List;
            return;
        };
        if open.prompt.is_some() {
            return self.prompt_key(key);
        }
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up if alt => return open.pick_by(-1),
            KeyCode::Down if alt => return open.pick_by(1),
            KeyCode::Char('p') if ctrl => return open.pick_by(-1),
            KeyCode::Char('n') if ctrl => return open.pick_by(1),
            _ => {}
        }
        if open.picked.is_some() && self.picked_key(key) {
            return;
        }
        let Some(open) = &mut self.open else { return };
        let input = &mut open.composer.input;
        match key.code {
            KeyCode::Esc => {
                if !open.composer.cancel() {
                    self.focus = Focus::List;
                }
            }
            KeyCode::Up => open.scroll_by(-1),
            KeyCode::Down => open.scroll_by(1),
            KeyCode::PageUp => open.scroll_pages(-1),
            KeyCode::PageDown => open.scroll_pages(1),
            KeyCode::Home if input.is_empty() => self.go_to_beginning(),
            KeyCode::End if input.is_empty() => self.go_to_end(),
            KeyCode::Enter if alt => input.insert("\n"),
            KeyCode::Enter => self.send(),
            KeyCode::Char('/') if input.is_empty() => self.open_search(),
            _ => edit(input, key),
        }
    }

    pub fn go_to_end(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.scroll = Scroll::End;
        if open.window.after.is_some() {
            // What is being read now is read again, from the end.
            open.is_stale |= open.is_busy;
            self.load(Load::End(PAGE));
        }
    }

    fn go_to_beginning(&mut self) {
        let Some(open) = &mut self.open else { return };
        match open.window.before {
            None => open.scroll_home(),
            Some(_) => self.load(Load::Beginning),
        }
    }

    pub fn search_key(&mut self, key: KeyEvent) {
        let Some(Overlay::Search(search)) = &mut self.overlay else { return };
        let found = search.found.as_deref().unwrap_or_default();
        match key.code {
            KeyCode::Esc => self.overlay = None,
            KeyCode::Up => search.selected = search.selected.saturating_sub(1),
            KeyCode::Down => search.selected = (search.selected + 1).min(found.len().saturating_sub(1)),
            KeyCode::Enter => {
                if let Some(found) = found.get(search.selected).cloned() {
                    self.open(found.room, Some(found.place));
                }
            }
            // The second `/` is for a message that begins with one.
            KeyCode::Char('/') if search.words.is_empty() && search.from == Focus::Room => {
                self.overlay = None;
                if let Some(open) = &mut self.open {
                    open.composer.input.insert("/");
                }
            }
            _ => {
                edit(&mut search.words, key);
                self.search();
            }
        }
    }

    pub fn paste(&mut self, text: &str) {
        match (&mut self.overlay, &mut self.open) {
            (Some(Overlay::Search(search)), _) => {
                search.words.insert(&text.replace(['\n', '\r'], " "));
                self.search();
            }
            (Some(Overlay::Backup(Some(Saving::To(directory)))), _) => {
                directory.insert(text.lines().next().unwrap_or_default());
            }
            (None, Some(open)) if self.focus == Focus::Room => match &mut open.prompt {
                Some(Prompt::React(react)) => react.own.insert(text.trim()),
                Some(Prompt::Delete(_)) => open.prompt = None,
                None => {
                    open.picked = None;
                    open.composer.input.insert(text);
                }
            },
            _ => {}
        }
    }

    pub fn mouse(&mut self, mouse: MouseEvent) {
        let at = Position::new(mouse.column, mouse.row);
        let wheel = match mouse.kind {
            MouseEventKind::ScrollUp => -WHEEL,
            MouseEventKind::ScrollDown => WHEEL,
            MouseEventKind::Down(MouseButton::Left) => return self.click(at),
            _ => return,
        };
        if let Some(Overlay::Status(Some(health))) = &mut self.overlay {
            health.scroll_by(wheel);
        } else if self.overlay.is_some() {
        } else if self.areas.list.contains(at) {
            let last = self.rooms.len().saturating_sub(1);
            self.selected = self.selected.saturating_add_signed(wheel.signum()).min(last);
        } else if let Some(open) = &mut self.open {
            open.scroll_by(wheel);
        }
    }

    fn click(&mut self, at: Position) {
        if self.overlay.take().is_some() {
            return;
        }
        if self.areas.list.contains(at) {
            let row = self.areas.list_top + usize::from(at.y - self.areas.list.y);
            self.focus = Focus::List;
            if row < self.rooms.len() {
                self.selected = row;
                self.open_selected();
            }
        } else if self.areas.room.contains(at)
            && let Some(open) = &mut self.open
        {
            (self.focus, open.prompt) = (Focus::Room, None);
            match self.areas.messages.contains(at) {
                true => open.pick_row(usize::from(at.y - self.areas.messages.y)),
                false => open.picked = None,
            }
        }
    }
}

/// Changes a line that the user types.
pub fn edit(line: &mut Editor, key: KeyEvent) {
    let is_plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => drop(line.take()),
        KeyCode::Char(c) if is_plain => line.insert(c.encode_utf8(&mut [0; 4])),
        KeyCode::Backspace => line.backspace(),
        KeyCode::Delete => line.delete(),
        KeyCode::Left => line.left(),
        KeyCode::Right => line.right(),
        KeyCode::Home => line.home(),
        KeyCode::End => line.end(),
        _ => {}
    }
}
