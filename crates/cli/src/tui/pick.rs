//! The selected message of a conversation, and what the user does to it.

use ferry_client::RoomId;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::App;
use super::load::Entry;
use super::prompt::{Prompt, React};
use super::say::{Quoted, Say};
use super::talk::Task;

/// How many messages PageUp and PageDown skip.
const PAGE: isize = 10;
const READ_ONLY: &str = "another command collects for this history, so nothing can be sent from here";

impl App {
    /// Handles a key while a message is selected. Returns false if the key is for what the user
    /// types: then no message is selected any more.
    pub fn picked_key(&mut self, key: KeyEvent) -> bool {
        let Some(open) = &mut self.open else { return false };
        let is_plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc | KeyCode::Enter => open.picked = None,
            KeyCode::Up => open.pick_by(-1),
            KeyCode::Down => open.pick_by(1),
            KeyCode::PageUp => open.pick_by(-PAGE),
            KeyCode::PageDown => open.pick_by(PAGE),
            KeyCode::Home => open.pick_by(isize::MIN),
            KeyCode::Char('r') if is_plain => self.act(Self::reply),
            KeyCode::Char('e') if is_plain => self.act(Self::edit),
            KeyCode::Char('d') if is_plain => self.act(Self::delete),
            KeyCode::Delete => self.act(Self::delete),
            KeyCode::Char('+') if is_plain => self.act(Self::react),
            _ => {
                open.picked = None;
                return false;
            }
        }
        true
    }

    /// Does something to the selected message, unless nothing can be done to it.
    fn act(&mut self, act: impl FnOnce(&mut Self, &Entry) -> Result<(), &'static str>) {
        let Some(entry) = self.open.as_ref().and_then(|open| open.picked()).cloned() else { return };
        let done = match () {
            () if self.is_read_only() => Err(READ_ONLY),
            () if entry.is_deleted => Err("the message is deleted"),
            () => act(self, &entry),
        };
        if let Err(why) = done {
            self.note(why, None);
        }
    }

    fn reply(&mut self, entry: &Entry) -> Result<(), &'static str> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.composer.reply(entry.quoted())?;
        open.picked = None;
        Ok(())
    }

    fn edit(&mut self, entry: &Entry) -> Result<(), &'static str> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let source = entry.source.as_ref().ok_or("only a text that you wrote can be edited")?;
        // An edit that is on its way is what the user sees as their text.
        let unsent = open.window.unsent.iter().filter(|unsent| unsent.target == Some(entry.target()));
        let text = unsent.filter_map(|unsent| unsent.source.as_ref()).next_back().unwrap_or(source).clone();
        open.composer.edit(entry.quoted(), text)?;
        open.picked = None;
        Ok(())
    }

    fn react(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if let Some(open) = &mut self.open {
            open.prompt = Some(Prompt::React(React::new(entry)));
        }
        Ok(())
    }

    fn delete(&mut self, entry: &Entry) -> Result<(), &'static str> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let (room, of) = (open.id, entry.quoted());
        match entry.is_mine {
            true => open.prompt = Some(Prompt::Delete(of)),
            // The relay knows whether the user is a moderator now.
            false => self.need(Task::MayDelete { room, of }),
        }
        Ok(())
    }

    /// Asks whether to delete the message of another user, which the user may. If they have turned
    /// to something else since, a key must not delete it.
    pub fn may_delete(&mut self, room: RoomId, of: Quoted) {
        let Some(open) = self.open.as_mut().filter(|open| open.id == room && open.prompt.is_none()) else { return };
        if open.picked().is_some_and(|entry| entry.target() == of.target) {
            open.prompt = Some(Prompt::Delete(of));
        }
    }

    /// Handles a key while something is asked.
    pub fn prompt_key(&mut self, key: KeyEvent) {
        let Some(open) = &mut self.open else { return };
        let is_plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match (&mut open.prompt, key.code) {
            (Some(Prompt::Delete(of)), KeyCode::Enter) => {
                let say = Say::Delete(of.clone());
                self.say(say);
            }
            (Some(Prompt::React(react)), KeyCode::Enter) => match react.say() {
                Ok(say) => self.say(say),
                Err(why) => self.note(why, None),
            },
            (Some(Prompt::React(react)), KeyCode::Left | KeyCode::BackTab) => react.choose_by(-1),
            (Some(Prompt::React(react)), KeyCode::Right | KeyCode::Tab) => react.choose_by(1),
            (Some(Prompt::React(react)), KeyCode::Backspace) => react.own.backspace(),
            (Some(Prompt::React(react)), KeyCode::Char(digit @ '1'..='9')) if react.own.is_empty() => {
                react.choose(digit);
            }
            (Some(Prompt::React(react)), KeyCode::Char(c)) if is_plain => react.own.insert(c.encode_utf8(&mut [0; 4])),
            // Only Enter deletes: whoever types a text by mistake deletes nothing.
            _ => open.prompt = None,
        }
    }

    /// Sends what the prompt was for.
    fn say(&mut self, say: Say) {
        let Some(open) = &mut self.open else { return };
        (open.prompt, open.picked) = (None, None);
        let room = open.id;
        match self.is_read_only() {
            true => self.note(READ_ONLY, None),
            false => self.need(Task::Send { room, say }),
        }
    }

    /// Sends what is typed.
    pub fn send(&mut self) {
        if self.is_read_only() {
            self.note(READ_ONLY, None);
            return;
        }
        let Some(open) = &mut self.open else { return };
        let room = open.id;
        match open.composer.take() {
            Ok(None) => {}
            Ok(Some(say)) => {
                let is_new = !matches!(&say, Say::Text { about: super::say::About::Edit(_), .. });
                if is_new {
                    // What the user says comes after what they have read.
                    (open.divider, open.highlight) = (None, None);
                }
                self.need(Task::Send { room, say });
                if is_new {
                    self.go_to_end();
                }
            }
            Err(why) => self.note(why, None),
        }
    }
}
