//! What the user types in a room, and what it is: a message, an answer, or a new text of a message.

use std::collections::VecDeque;

use super::say::{About, Quoted, Say};
use super::text::Editor;

/// The text that is typed. While a message is edited, what was typed before waits.
#[derive(Default)]
pub struct Composer {
    pub input: Editor,
    about: About,
    /// What was typed before the edit, and the text that is edited.
    before: Option<Before>,
    /// Texts that could not be sent, and wait until nothing else is typed.
    returned: VecDeque<(About, String)>,
}

impl std::fmt::Debug for Composer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is typed is nobody's business.
        f.debug_struct("Composer").field("about", &self.about).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Before {
    about: About,
    input: Editor,
    text: String,
}

/// Why something else cannot be begun.
pub const EDITING: &str = "send your edit first (Enter), or leave it (Esc)";

impl Composer {
    /// Returns what the text is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Returns whether there is nothing to remember.
    pub fn is_idle(&self) -> bool {
        self.is_blank() && self.returned.is_empty()
    }

    fn is_blank(&self) -> bool {
        self.input.is_empty() && self.about == About::New && self.before.is_none()
    }

    /// Makes what is typed an answer.
    ///
    /// # Errors
    /// Fails while an edit is under way that would be lost.
    pub fn reply(&mut self, to: Quoted) -> Result<(), &'static str> {
        self.leave_unchanged()?;
        self.about = About::Reply(to);
        Ok(())
    }

    /// Begins the edit of a text. What is typed waits until it is over.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub fn edit(&mut self, of: Quoted, text: String) -> Result<(), &'static str> {
        self.leave_unchanged()?;
        let (about, input) = (std::mem::take(&mut self.about), std::mem::take(&mut self.input));
        self.input = Editor::with(text.clone());
        (self.about, self.before) = (About::Edit(of), Some(Before { about, input, text }));
        Ok(())
    }

    fn leave_unchanged(&mut self) -> Result<(), &'static str> {
        if self.before.as_ref().is_some_and(|before| before.text != self.input.text()) {
            return Err(EDITING);
        }
        self.leave_edit();
        Ok(())
    }

    fn leave_edit(&mut self) {
        if let Some(Before { about, input, .. }) = self.before.take() {
            (self.about, self.input) = (about, input);
        }
    }

    /// Leaves the edit or the answer. What was typed before, or for the answer, stays. Returns
    /// whether there was one.
    pub fn cancel(&mut self) -> bool {
        let was = std::mem::take(&mut self.about);
        self.leave_edit();
        self.show_returned();
        was != About::New
    }

    /// Returns what to send, and is ready for the next text. Returns `None` if there is nothing to
    /// send: also if the edit changes nothing, which is then over.
    ///
    /// # Errors
    /// Fails if an edit leaves no text.
    pub fn take(&mut self) -> Result<Option<Say>, &'static str> {
        let is_blank = self.input.text().trim().is_empty();
        let Some(before) = &self.before else {
            if is_blank {
                return Ok(None);
            }
            let say = Say::Text { about: std::mem::take(&mut self.about), text: self.input.take() };
            self.show_returned();
            return Ok(Some(say));
        };
        if is_blank {
            return Err("an edit needs a text: Esc leaves it as it was, and d deletes a selected message");
        }
        let is_changed = before.text != self.input.text();
        let (about, text) = (self.about.clone(), self.input.take());
        self.leave_edit();
        self.show_returned();
        Ok(is_changed.then_some(Say::Text { about, text }))
    }

    /// Takes a text back that could not be sent. It is shown once nothing else is typed.
    pub fn give_back(&mut self, about: About, text: String) {
        self.returned.push_back((about, text));
        self.show_returned();
    }

    /// Shows a text that has come back, if nothing else is typed.
    pub fn show_returned(&mut self) {
        if !self.is_blank() {
            return;
        }
        if let Some((about, text)) = self.returned.pop_front() {
            if matches!(about, About::Edit(_)) {
                self.before = Some(Before::default());
            }
            (self.about, self.input) = (about, Editor::with(text));
        }
    }
}
