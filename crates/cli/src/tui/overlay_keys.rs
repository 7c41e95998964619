//! What the keys do in what lies over the rooms, and how the jobs go that begin there.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::app::App;
use super::jobs::Work;
use super::keys::edit;
use super::overlay::{Overlay, Saving};
use super::talk::Task;

/// How many rows PageUp and PageDown skip in what F2 shows.
const PAGE: isize = 15;

impl App {
    pub fn overlay_key(&mut self, key: KeyEvent) {
        match &mut self.overlay {
            Some(Overlay::Search(_)) => self.search_key(key),
            Some(Overlay::Status(_) | Overlay::Devices(_)) if key.code == KeyCode::Char('s') => self.ask_others(),
            Some(Overlay::Status(_)) if key.code == KeyCode::Char('b') => self.ask_where_to_save(),
            Some(Overlay::Devices(_)) if key.code == KeyCode::Char('p') => {
                self.overlay = Some(Overlay::Pair(vec!["making a code …".to_owned()]));
                self.need(Task::Pair);
            }
            Some(Overlay::Status(Some(health))) => match key.code {
                KeyCode::Up => health.scroll_by(-1),
                KeyCode::Down => health.scroll_by(1),
                KeyCode::PageUp => health.scroll_by(-PAGE),
                KeyCode::PageDown => health.scroll_by(PAGE),
                KeyCode::Home => health.top = 0,
                KeyCode::Char('c') => (health.by_year, health.top) = (!health.by_year, 0),
                _ => self.overlay = None,
            },
            Some(Overlay::Backup(_)) => self.backup_key(key),
            Some(Overlay::Jobs) => match key.code {
                KeyCode::Up => self.jobs.selected = self.jobs.selected.saturating_sub(1),
                KeyCode::Down => {
                    let last = self.jobs.all.len().saturating_sub(1);
                    self.jobs.selected = (self.jobs.selected + 1).min(last);
                }
                KeyCode::Char('x') => {
                    if let Some(work) = self.jobs.stop() {
                        self.need(Task::Stop(work));
                    }
                }
                _ => self.overlay = None,
            },
            _ => self.overlay = None,
        }
    }

    fn ask_others(&mut self) {
        if !self.jobs.is_running(Work::Sync) {
            self.jobs.begin(Work::Sync);
        }
        self.has_asked = true;
        self.need(Task::AskOthers);
        self.overlay = Some(Overlay::Jobs);
    }

    fn ask_where_to_save(&mut self) {
        if self.jobs.is_running(Work::Backup) {
            self.overlay = Some(Overlay::Jobs);
            return;
        }
        self.overlay = Some(Overlay::Backup(None));
        self.need(Task::CanSave);
    }

    fn backup_key(&mut self, key: KeyEvent) {
        let directory = match &mut self.overlay {
            Some(Overlay::Backup(Some(Saving::To(directory)))) if key.code != KeyCode::Esc => directory,
            // Who types ahead must not find themselves in a conversation.
            Some(Overlay::Backup(None)) if key.code != KeyCode::Esc => return,
            _ => return self.overlay = None,
        };
        match key.code {
            KeyCode::Enter if !directory.text().trim().is_empty() => {
                let directory = directory.take();
                self.jobs.begin(Work::Backup);
                self.need(Task::Backup(directory));
                self.overlay = Some(Overlay::Jobs);
            }
            KeyCode::Enter => {}
            _ => edit(directory, key),
        }
    }

    /// Takes in what came of a sync, which the user may not have asked for.
    pub fn synced(&mut self, text: &str, is_news: bool) {
        self.jobs.end(Work::Sync, text);
        let is_paired = matches!(self.overlay, Some(Overlay::Pair(_)));
        if is_paired {
            self.overlay = None;
        }
        if is_news || is_paired || std::mem::take(&mut self.has_asked) {
            self.note(text, None);
        }
    }

    /// Takes in what came of a job.
    pub fn job_ended(&mut self, work: Work, text: &str) {
        self.jobs.end(work, text);
        self.note(text, None);
    }
}
