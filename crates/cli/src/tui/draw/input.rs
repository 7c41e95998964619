//! The lines below a conversation: what can be done, and what the user types.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::prompt::{Prompt, React};
use super::super::room::OpenRoom;
use super::super::rows::DIM;
use super::super::say::About;
use super::super::text::{fit, shorten, width};
use super::CHOSEN;
use crate::show;

const ASKS: Style = Style::new().fg(Color::Yellow);
/// How many columns an emoji of others may take in the prompt.
const EMOJI: usize = 8;

/// Returns the line above the input, and how it is left.
pub fn about(open: &OpenRoom) -> Option<(String, &'static str)> {
    match (&open.prompt, open.composer.about()) {
        (Some(Prompt::React(react)), _) => Some((format!("+ {}", react.to.line), "Esc: no reaction")),
        (Some(Prompt::Delete(of)), _) => Some((of.line.clone(), "")),
        (None, About::New) => None,
        (None, About::Reply(to)) => Some((format!("↳ reply to {}", to.line), "Esc: no reply")),
        (None, About::Edit(of)) => Some((format!("✎ edit {}", of.line), "Esc: no edit")),
    }
}

/// Draws the line between the messages and the input: what can be done to the selected message, and
/// whether there is more below.
pub fn rule(frame: &mut Frame<'_>, open: &OpenRoom, area: Rect) {
    let columns = usize::from(area.width);
    let keys = match open.picked() {
        _ if open.prompt.is_some() => "",
        None => "",
        Some(entry) if entry.is_deleted => " deleted  Esc leave ",
        Some(entry) if entry.source.is_some() => " r reply  e edit  d delete  + react  Esc ",
        Some(_) => " r reply  d delete  + react  Esc leave ",
    };
    let more = if open.is_at_end() { "" } else { " more below (End) " };
    // In a small window the keys are more important.
    let more = if width(keys) + width(more) <= columns { more } else { "" };
    let keys = shorten(keys, columns);
    let rest = format!("{more:─>left$}", left = columns.saturating_sub(width(&keys)));
    let style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
    frame.render_widget(Line::from(vec![Span::styled(keys, style), Span::styled(rest, DIM)]), area);
}

/// Draws what is typed or asked, and above it what that is about.
pub fn draw(frame: &mut Frame<'_>, app: &App, above: Rect, input: Rect, has_focus: bool) {
    let Some(open) = &app.open else { return };
    if let Some((words, leave)) = about(open) {
        let columns = usize::from(above.width).saturating_sub(width(leave) + 1);
        let spans = vec![Span::styled(fit(&words, columns), ASKS), Span::styled(format!(" {leave}"), DIM)];
        frame.render_widget(Line::from(spans), above);
    }
    match &open.prompt {
        _ if app.is_read_only() => frame.render_widget(Line::styled("read only", DIM), input),
        Some(Prompt::Delete(_)) => {
            let words = "Delete it for everybody? Enter deletes it, Esc keeps it";
            let words =
                if width(words) > usize::from(input.width) { "Delete? Enter deletes, Esc keeps" } else { words };
            frame.render_widget(Line::styled(words, ASKS.add_modifier(Modifier::BOLD)), input);
        }
        Some(Prompt::React(react)) => emojis(frame, react, input),
        None => {
            let (text, cursor) = open.composer.input.view(usize::from(input.width).saturating_sub(2));
            frame.render_widget(Line::from(vec![Span::styled("> ", DIM), Span::raw(text)]), input);
            if has_focus && app.overlay.is_none() && open.picked.is_none() {
                let column = u16::try_from(cursor + 2).unwrap_or_default().min(input.width.saturating_sub(1));
                frame.set_cursor_position(Position::new(input.x + column, input.y));
            }
        }
    }
}

/// Draws `1 👍  2 ❤️*  …`, or the emoji that is typed.
fn emojis(frame: &mut Frame<'_>, react: &React, area: Rect) {
    let mut spans = Vec::new();
    if !react.own.is_empty() {
        let text = shorten(&show::line(react.own.text()), usize::from(area.width).saturating_sub(2));
        spans.extend([Span::styled("+ ", DIM), Span::raw(text)]);
        frame.render_widget(Line::from(spans), area);
        return;
    }
    for (at, (emoji, is_mine)) in react.choices.iter().enumerate() {
        let mark = if *is_mine { "*" } else { "" };
        let words = format!("{} {}{mark}", at + 1, shorten(&show::line(emoji), EMOJI));
        let style = if at == react.chosen { CHOSEN } else { Style::new() };
        spans.extend([Span::styled(words, style), Span::raw(" ")]);
    }
    spans.push(Span::styled(" or type one; Enter reacts, * takes back", DIM));
    frame.render_widget(Line::from(spans), area);
}
