//! The line below a conversation that asks: whether to delete a message, or with which emoji to
//! react to it.

use ferry_client::protocol::EMOJI_MAX;

use super::load::Entry;
use super::say::{Quoted, Say};
use super::text::{Editor, cells};

/// What is offered under every message, in this order.
const USUAL: [&str; 6] = ["👍", "❤️", "😂", "😮", "😢", "🎉"];
/// The most emojis that are offered, because each has a digit.
const CHOICES: usize = 9;

/// `Debug` shows no content.
#[derive(Debug)]
pub enum Prompt {
    Delete(Quoted),
    React(React),
}

/// The choice of an emoji.
pub struct React {
    pub to: Quoted,
    /// The emojis, as they are sent, and whether the user has reacted with each.
    pub choices: Vec<(String, bool)>,
    pub chosen: usize,
    /// The emoji that the user types instead.
    pub own: Editor,
    /// Those with which the user has reacted.
    mine: Vec<String>,
}

impl std::fmt::Debug for React {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("React").field("to", &self.to).field("chosen", &self.chosen).finish_non_exhaustive()
    }
}

impl React {
    /// Offers the usual emojis, and those under the message: first the user's own, then those of
    /// most users.
    pub fn new(entry: &Entry) -> Self {
        let mut there: Vec<_> = entry.reactions.iter().collect();
        there.sort_by_key(|reaction| (!reaction.is_mine, std::cmp::Reverse(reaction.users)));
        let mine: Vec<String> = there.iter().filter(|one| one.is_mine).map(|one| one.emoji.clone()).collect();
        let more = there.iter().map(|one| one.emoji.as_str()).filter(|emoji| !USUAL.contains(emoji));
        let all = USUAL.into_iter().chain(more).take(CHOICES);
        let choices = all.map(|emoji| (emoji.to_owned(), mine.iter().any(|own| own == emoji))).collect();
        Self { to: entry.quoted(), choices, chosen: 0, own: Editor::default(), mine }
    }

    /// Chooses another emoji: so many further to the right.
    pub fn choose_by(&mut self, by: isize) {
        self.chosen = self.chosen.saturating_add_signed(by).min(self.choices.len().saturating_sub(1));
    }

    /// Chooses the emoji with a digit.
    pub fn choose(&mut self, digit: char) {
        let at = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok()?.checked_sub(1));
        if let Some(at) = at.filter(|at| *at < self.choices.len()) {
            self.chosen = at;
        }
    }

    /// Returns what to send. With an emoji that is there already, the reaction is taken back.
    ///
    /// # Errors
    /// Fails if what was typed is no emoji.
    pub fn say(&self) -> Result<Say, &'static str> {
        let typed = self.own.text().trim();
        let emoji = match self.choices.get(self.chosen) {
            // What others have sent may be anything.
            Some((emoji, _)) if typed.is_empty() => emoji.as_str(),
            _ if is_emoji(typed) => typed,
            _ => return Err("a reaction is one emoji"),
        };
        let remove = self.mine.iter().any(|own| own == emoji);
        Ok(Say::React { to: self.to.clone(), emoji: emoji.to_owned(), remove })
    }
}

/// Returns whether a text is one picture for a person. Letters and digits are none, although relays
/// pass them on.
fn is_emoji(text: &str) -> bool {
    let is_one = cells(text).len() == 1 && text.len() <= EMOJI_MAX;
    is_one && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c.is_alphabetic()) && !text.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_picture_is_an_emoji_and_a_word_is_none() {
        for emoji in ["👍🏽", "❤️", "👩‍🚀", "🏳️‍🌈", "1️⃣", "🇨🇭", "✓"] {
            assert!(is_emoji(emoji), "{emoji}");
        }
        for other in ["", "a", "1", ":)", "👍👍", "👍 ", "ä", "日", "\u{1b}", "\u{202e}\u{202e}", "+1"] {
            assert!(!is_emoji(other), "{other}");
        }
        let tower = format!("👍{}", "\u{301}".repeat(EMOJI_MAX));
        assert!(!is_emoji(&tower));
    }
}
