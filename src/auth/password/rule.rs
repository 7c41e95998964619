//! The rule for new passwords: how long they are, and which ones everybody would guess first.

use std::collections::HashSet;

use ferry_protocol::Secret;
use unicode_normalization::UnicodeNormalization as _;

use crate::auth::origin::Origin;

/// Fewest characters of a new password, in the form in which passwords are compared. NIST SP
/// 800-63B §5.1.1.2 asks for 8 characters.
pub const PASSWORD_MIN: usize = 8;

/// Most bytes of a password, so that hashing one has a limit. A longer one is always wrong.
pub const PASSWORD_MAX: usize = 1024;

/// Fewest different characters of a new password. One with fewer is rejected.
pub const DIFFERENT_MIN: usize = 3;

/// Fewest characters of a new password beside the words and runs that everybody would guess. One
/// with fewer is rejected.
pub const OWN_MIN: usize = 5;

/// Shortest run that counts as one. Shorter ones are in many words.
const RUN_MIN: usize = 5;

/// Shortest word that counts as one. Shorter ones are in many words.
const WORD_MIN: usize = 3;

/// The name of this program, which everybody would try with a year behind it.
const NAME: &str = "ferry";

/// The keys that lie beside each other, and the alphabet.
const ROWS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
];

/// The list of common passwords, and what it says about itself.
const COMMON: &str = include_str!("common.txt");

/// Why a new password is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`PASSWORD_MIN`] characters.
    #[error("a password has at least {PASSWORD_MIN} characters")]
    TooShort,
    /// More than [`PASSWORD_MAX`] bytes.
    #[error("a password has at most {PASSWORD_MAX} bytes")]
    TooLong,
    /// Fewer than [`DIFFERENT_MIN`] different characters.
    #[error("a password has at least {DIFFERENT_MIN} different characters")]
    TooUniform,
    /// One of the list of common passwords.
    #[error("this is one of the most common passwords: choose another")]
    Common,
    /// Fewer than [`OWN_MIN`] characters beside words of the context and runs.
    #[error(
        "a password has at least {OWN_MIN} characters beside your names, the name of the relay, and runs such as 12345"
    )]
    Predictable,
}

/// The words that everybody would try first on this user's password: Ferry's name, the user's names
/// and the hosts of the relay's origins.
pub struct PasswordContext(Vec<String>);

impl PasswordContext {
    /// Collects the words.
    #[must_use]
    pub fn new(username: &str, display_name: Option<&str>, origins: &[String]) -> Self {
        let mut words = vec![NAME.to_owned(), folded(username)];
        if let Some(name) = display_name {
            let name = folded(name);
            words.extend(name.split_whitespace().map(str::to_owned));
            words.push(name.split_whitespace().collect());
            words.push(name);
        }
        for host in origins.iter().filter_map(|origin| Origin::parse(origin)).map(Origin::into_host) {
            words.extend(host.split('.').map(str::to_owned));
            words.push(host);
        }
        words.retain(|word| word.chars().count() >= WORD_MIN);
        Self(words)
    }
}

/// Checks a new password. Logins do not call this, so that existing passwords stay valid if the
/// rule changes.
///
/// # Errors
/// Fails with the reason if the password is not allowed.
pub fn check_password(password: &Secret, context: &PasswordContext) -> Result<(), PasswordError> {
    let password = password.expose();
    if password.len() > PASSWORD_MAX {
        return Err(PasswordError::TooLong);
    }
    if password.nfc().count() < PASSWORD_MIN {
        return Err(PasswordError::TooShort);
    }
    let folded = folded(password);
    if folded.chars().collect::<HashSet<_>>().len() < DIFFERENT_MIN {
        return Err(PasswordError::TooUniform);
    }
    if is_common(&folded) {
        return Err(PasswordError::Common);
    }
    if own_characters(&folded, &context.0) < OWN_MIN {
        return Err(PasswordError::Predictable);
    }
    Ok(())
}

/// Returns the text without case, and in one spelling: what guessers try at no cost.
fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// Returns whether the list has this password.
fn is_common(password: &str) -> bool {
    let list = COMMON.split_once("\n\n").map_or("", |(_, list)| list).as_bytes();
    // A search in halves, over lines of different lengths: `from` and `to` are at beginnings of
    // lines, or at the end.
    let (mut from, mut to) = (0, list.len());
    while from < to {
        let middle = from + (to - from) / 2;
        let start = list[from..middle].iter().rposition(|&byte| byte == b'\n').map_or(from, |at| from + at + 1);
        let end = list[start..to].iter().position(|&byte| byte == b'\n').map_or(to, |at| start + at);
        match list[start..end].cmp(password.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = (end + 1).min(to),
            std::cmp::Ordering::Greater => to = start,
        }
    }
    false
}

/// Returns how many characters are left if as many as possible belong to one of the words or to a
/// run.
fn own_characters(password: &str, words: &[String]) -> usize {
    let password: Vec<char> = password.chars().collect();
    let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
    // For each place, how many are left from there on.
    let mut left = vec![0; password.len() + 1];
    for at in (0..password.len()).rev() {
        let rest = &password[at..];
        let run = run_length(rest);
        let found = words.iter().filter(|word| rest.starts_with(word)).map(Vec::len);
        let ends = found.chain(RUN_MIN..=run).map(|length| left[at + length]);
        left[at] = ends.fold(left[at + 1] + 1, usize::min);
    }
    left[0]
}

/// Returns the length of the longest run at the beginning: the same character again and again, or
/// neighbours on a keyboard or in the alphabet, in one direction.
fn run_length(text: &[char]) -> usize {
    let same = text.iter().take_while(|&&c| c == text[0]).count();
    let rows = ROWS.iter().flat_map(|row| {
        let row: Vec<char> = row.chars().collect();
        let back: Vec<char> = row.iter().rev().copied().collect();
        [row, back]
    });
    let along = rows.flat_map(|row| {
        let starts = (0..row.len()).map(|start| row[start..].iter().zip(text).take_while(|(a, b)| a == b).count());
        starts.collect::<Vec<_>>()
    });
    along.fold(same, usize::max)
}

#[cfg(test)]
mod tests;
