//! The rows of a conversation: messages that are wrapped, with days, holes and the divider between
//! them.

use ferry_client::MessageId;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::load::{Entry, HoleMark, Reaction, Unsent, Window};
use super::text::{shorten, width, wrap};
use crate::show;

/// How far the lines after the first are indented: as wide as `12:34 `.
const INDENT: usize = 6;
/// The most columns of a name.
const NAME: usize = 24;

/// A row, and the place of the message to which it belongs.
#[derive(Clone)]
pub struct Row {
    pub place: i64,
    /// Whether it is of the message, and not of what stands before it.
    pub is_said: bool,
    pub line: Line<'static>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The line has what was said.
        f.debug_struct("Row").field("place", &self.place).finish_non_exhaustive()
    }
}

pub const DIM: Style = Style::new().fg(Color::DarkGray);
const DAY: Style = Style::new().fg(Color::Cyan);
const UNREAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const HOLE: Style = Style::new().fg(Color::Yellow);
const MINE: Style = Style::new().fg(Color::Green).add_modifier(Modifier::BOLD);
const OTHERS: Style = Style::new().fg(Color::Blue).add_modifier(Modifier::BOLD);

/// Returns the rows of a window. `going` are the messages that are being sent.
pub fn rows(
    window: &Window,
    columns: usize,
    divider: Option<i64>,
    highlight: Option<i64>,
    going: &[MessageId],
) -> Vec<Row> {
    let mut rows = Rows { rows: Vec::new(), columns };
    let begin = window.entries.first().map_or(i64::MIN, |entry| entry.at);
    let end = window.entries.last().map_or(i64::MIN, |entry| entry.at);
    // What is missing outside of the window belongs to another part.
    let holes = window.holes.iter().filter(|hole| hole.until >= begin || window.before.is_none());
    let mut holes = holes.filter(|hole| hole.since <= end || window.after.is_none()).peekable();
    let (mut day, mut is_divided) = (String::new(), false);
    for entry in &window.entries {
        while let Some(hole) = holes.next_if(|hole| hole.until <= entry.at) {
            rows.hole(entry.place, hole);
        }
        let its_day = show::time(entry.at, "%A, %-d %B %Y");
        if its_day != day {
            rows.rule(entry.place, &its_day, DAY);
            day = its_day;
        }
        if !is_divided && divider.is_some_and(|first| entry.place >= first) {
            is_divided = true;
            rows.rule(entry.place, "unread", UNREAD);
        }
        rows.entry(entry, highlight == Some(entry.place));
        for unsent in window.unsent.iter().filter(|unsent| unsent.target == Some(entry.target())) {
            rows.unsent(entry.place, unsent, going.contains(&unsent.id));
        }
    }
    for hole in holes {
        rows.hole(i64::MAX, hole);
    }
    if window.after.is_none() {
        let is_above = |unsent: &&Unsent| window.entries.iter().any(|entry| unsent.target == Some(entry.target()));
        for unsent in window.unsent.iter().filter(|unsent| !is_above(unsent)) {
            rows.unsent(i64::MAX, unsent, going.contains(&unsent.id));
        }
    }
    rows.rows
}

struct Rows {
    rows: Vec<Row>,
    columns: usize,
}

impl Rows {
    fn push(&mut self, place: i64, line: Line<'static>) {
        self.rows.push(Row { place, is_said: false, line });
    }

    fn push_said(&mut self, place: i64, line: Line<'static>) {
        self.rows.push(Row { place, is_said: true, line });
    }

    /// Adds `── words ─────`.
    fn rule(&mut self, place: i64, words: &str, style: Style) {
        let mut text = shorten(&format!("── {words} "), self.columns);
        let taken = width(&text);
        text.extend(std::iter::repeat_n('─', self.columns.saturating_sub(taken)));
        self.push(place, Line::styled(text, style));
    }

    fn hole(&mut self, place: i64, hole: &HoleMark) {
        for line in wrap(&hole.words, self.columns, self.columns) {
            self.push(place, Line::styled(line, HOLE));
        }
    }

    fn entry(&mut self, entry: &Entry, is_found: bool) {
        let base = if is_found { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        let name = shorten(&entry.who, NAME.min(self.columns / 2));
        let mut head = vec![
            Span::styled(format!("{} ", show::time(entry.at, "%H:%M")), DIM),
            Span::styled(name, if entry.is_mine { MINE } else { OTHERS }),
        ];
        if entry.is_edited {
            head.push(Span::styled(" (edited)", DIM));
        }
        head.push(Span::raw(": "));
        self.answers(entry.place, entry.answers.as_deref());
        let style = if entry.is_deleted { DIM.add_modifier(Modifier::ITALIC) } else { base };
        self.said(entry.place, head, &entry.text, style);
        let reactions: Vec<String> = entry.reactions.iter().map(Reaction::words).collect();
        if !reactions.is_empty() {
            let line = shorten(&format!("[{}]", reactions.join("  ")), self.columns.saturating_sub(INDENT));
            self.push_said(entry.place, Line::from(vec![Span::raw(" ".repeat(INDENT)), Span::raw(line)]));
        }
    }

    fn answers(&mut self, place: i64, answers: Option<&str>) {
        let Some(answers) = answers else { return };
        let line = shorten(&format!("↳ {answers}"), self.columns.saturating_sub(INDENT));
        self.push_said(place, Line::from(vec![Span::raw(" ".repeat(INDENT)), Span::styled(line, DIM)]));
    }

    /// Adds what no relay has confirmed: a message, or what was done to the one above.
    fn unsent(&mut self, place: i64, unsent: &Unsent, is_going: bool) {
        let (sign, style) = if is_going { ("  … ", DIM) } else { ("  ! ", UNREAD) };
        let words = match (unsent.what.as_str(), is_going) {
            ("", true) => "sending".to_owned(),
            ("", false) => "not sent (ferry send --again)".to_owned(),
            (what, true) => format!("sending {what}"),
            (what, false) => format!("{what} is not sent (ferry send --again)"),
        };
        let end = if unsent.text.is_empty() { "" } else { ": " };
        let head = vec![Span::styled(sign, style), Span::styled(format!("{words}{end}"), style)];
        self.answers(place, unsent.answers.as_deref());
        let nothing = [String::new()];
        let text = if unsent.text.is_empty() { &nothing[..] } else { &unsent.text };
        self.said(place, head, text, if is_going { DIM } else { Style::new() });
    }

    /// Adds a text behind a head. No line but the first begins at the left, so that none of them
    /// looks like a message of its own.
    fn said(&mut self, place: i64, head: Vec<Span<'static>>, text: &[String], style: Style) {
        let rest = self.columns.saturating_sub(INDENT);
        let taken: usize = head.iter().map(Span::width).sum();
        let (mut head, mut first) = (Some(head), self.columns.saturating_sub(taken));
        for paragraph in text {
            for line in wrap(paragraph, first, rest) {
                let mut spans = head.take().unwrap_or_else(|| vec![Span::raw(" ".repeat(INDENT))]);
                spans.push(Span::styled(line, style));
                self.push_said(place, Line::from(spans));
            }
            first = rest;
        }
    }
}
