//! Text in columns: how wide it is, where it wraps, and the line that the user types.

use ratatui::text::Span;

/// The most characters in one cell. Past it the rest is left out: a letter with a thousand accents
/// would be drawn over the lines around it.
const CELL_MAX: usize = 8;
/// The most bytes of a message that the user types. More is not taken.
const TYPED_MAX: usize = 60_000;

/// Returns how many columns a text takes.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Returns the parts of a text that a person sees as one character each.
pub fn cells(text: &str) -> Vec<String> {
    let span = Span::raw(text);
    span.styled_graphemes(ratatui::style::Style::new())
        .map(|cell| cell.symbol.chars().take(CELL_MAX).collect())
        .collect()
}

/// Returns a text of at most `columns`. What is cut off is shown as `…`.
pub fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return cells(text).concat();
    }
    let mut short = String::new();
    for cell in cells(text) {
        if width(&short) + width(&cell) >= columns {
            break;
        }
        short.push_str(&cell);
    }
    if columns > 0 {
        short.push('…');
    }
    short
}

/// Returns a text of exactly `columns`, which is cut off or filled with blanks.
pub fn fit(text: &str, columns: usize) -> String {
    let mut fitted = shorten(text, columns);
    let taken = width(&fitted);
    fitted.extend(std::iter::repeat_n(' ', columns.saturating_sub(taken)));
    fitted
}

/// Returns the lines of a text that is wrapped: the first of `first` columns, the others of `rest`.
/// It wraps at blanks, and inside a word only if the word is longer than a line.
pub fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let (mut lines, mut line, mut taken) = (Vec::new(), String::new(), 0);
    // Where the last blank of the line is, in bytes, if something stands before it.
    let mut blank: Option<usize> = None;
    let mut columns = first.max(2);
    for cell in cells(text) {
        let wide = width(&cell);
        if taken + wide > columns {
            columns = rest.max(2);
            if cell == " " {
                lines.push(std::mem::take(&mut line));
                (taken, blank) = (0, None);
                continue;
            }
            let tail = blank.map(|at| line.split_off(at).trim_start().to_owned()).unwrap_or_default();
            lines.push(std::mem::replace(&mut line, tail));
            (taken, blank) = (width(&line), None);
            // What is left of the word may not fit into a narrower line.
            if taken + wide > columns {
                lines.push(std::mem::take(&mut line));
                taken = 0;
            }
        }
        if cell == " " && !line.trim().is_empty() {
            blank = Some(line.len());
        }
        line.push_str(&cell);
        taken += wide;
    }
    lines.push(line);
    lines
}

/// A line that the user types, with a cursor. `Debug` shows no text.
#[derive(Clone, Default)]
pub struct Editor {
    text: String,
    // In bytes, at the border of a character.
    cursor: usize,
}

impl std::fmt::Debug for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

impl Editor {
    /// Returns one with a text. The cursor is at the end.
    pub fn with(text: String) -> Self {
        Self { cursor: text.len(), text }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the text, and leaves none.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Inserts a text at the cursor. One that is too long is not taken.
    pub fn insert(&mut self, text: &str) {
        // A terminal sends the ends of lines of a pasted text as it likes.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if self.text.len() + text.len() <= TYPED_MAX {
            self.text.insert_str(self.cursor, &text);
            self.cursor += text.len();
        }
    }

    pub fn backspace(&mut self) {
        if let Some(c) = self.text[..self.cursor].chars().next_back() {
            self.cursor -= c.len_utf8();
            self.text.remove(self.cursor);
        }
    }

    pub fn delete(&mut self) {
        if self.cursor < self.text.len() {
            self.text.remove(self.cursor);
        }
    }

    pub fn left(&mut self) {
        self.cursor -= self.text[..self.cursor].chars().next_back().map_or(0, char::len_utf8);
    }

    pub fn right(&mut self) {
        self.cursor += self.text[self.cursor..].chars().next().map_or(0, char::len_utf8);
    }

    pub fn home(&mut self) {
        self.cursor = 0;
    }

    pub fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Returns the part of the text around the cursor that fits into `columns`, and the column of
    /// the cursor in it. The ends of lines are shown as `⏎`.
    pub fn view(&self, columns: usize) -> (String, usize) {
        let shown = |text: &str| crate::show::line(&text.replace('\n', "⏎").replace('\t', "    "));
        let mut before = cells(&shown(&self.text[..self.cursor]));
        // Only so much of the end as fits, with a column for the cursor.
        let mut taken: usize = before.iter().map(|cell| width(cell)).sum();
        let mut cut = 0;
        while taken >= columns.max(1) && cut < before.len() {
            taken -= width(&before[cut]);
            cut += 1;
        }
        before.drain(..cut);
        let after = cells(&shown(&self.text[self.cursor..])).concat();
        let text = before.concat() + &after;
        (fit(&text, columns), taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_blanks_and_wide_text_by_columns() {
        assert_eq!(wrap("one two three", 7, 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 4, 9), ["one", "two three"]);
        assert_eq!(wrap("abcdefgh", 4, 3), ["abcd", "efg", "h"]);
        assert_eq!(wrap("日本語の長い文", 5, 6), ["日本", "語の長", "い文"]);
        assert_eq!(wrap("", 5, 5), [""]);
        for line in wrap(&"語".repeat(100), 0, 1) {
            assert!(width(&line) <= 2);
        }
    }

    #[test]
    fn a_text_is_cut_between_what_a_person_sees() {
        assert_eq!(shorten("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(shorten("abc", 0), "");
        let tower = format!("a{}", "\u{301}".repeat(1_000));
        assert_eq!(shorten(&tower, 5).chars().count(), CELL_MAX);
    }

    #[test]
    fn a_line_is_typed_and_corrected() {
        let mut editor = Editor::default();
        editor.insert("héllo");
        editor.left();
        editor.backspace();
        editor.insert("日\r\n");
        assert_eq!(editor.text(), "hél日\no");
        assert_eq!(editor.view(10), ("hél日⏎o   ".to_owned(), 6));
        assert_eq!(editor.view(4), ("日⏎o".to_owned(), 3));
        editor.home();
        editor.delete();
        assert_eq!(editor.take(), "él日\no");
        editor.insert(&"x".repeat(TYPED_MAX + 1));
        assert!(editor.is_empty());
    }
}
