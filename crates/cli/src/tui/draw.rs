//! Drawing: the rooms at the left, the open room at the right, and a line at the bottom.

mod health;
mod input;
mod jobs;
mod overlay;

use ferry_client::protocol::PresenceStatus;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::app::App;
use super::load::RoomRow;
use super::overlay::Focus;
use super::rows::DIM;
use super::talk::Relay;
use super::text::{fit, shorten, width};

/// The smallest window, in columns and rows. In a smaller one only a message is shown.
const SMALLEST: (u16, u16) = (40, 10);
/// With fewer columns, the rooms and the conversation are shown one at a time.
const BOTH: u16 = 60;
/// The most columns and the fewest of the list of rooms.
const LIST: (u16, u16) = (18, 32);
/// The most unread messages that are counted. More are shown as `999+`.
const UNREAD_MAX: u64 = 999;

const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);
/// The selected message. The colours of names and marks stay.
const PICKED: Style = Style::new().bg(Color::Indexed(237));

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    app.areas = Default::default();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("The window is too small: ferry tui needs {} columns and {} rows.", SMALLEST.0, SMALLEST.1);
        let paragraph = Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(paragraph, area);
        return;
    }
    let [main, bottom] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(area);
    let [list, room] = if area.width >= BOTH {
        let columns = (area.width / 4).clamp(LIST.0, LIST.1);
        Layout::horizontal([Constraint::Length(columns), Constraint::Min(1)]).areas(main)
    } else {
        let nothing = Rect { width: 0, ..main };
        if app.focus == Focus::List { [main, nothing] } else { [nothing, main] }
    };
    if list.width > 0 {
        rooms(frame, app, list);
    }
    if room.width > 0 {
        conversation(frame, app, room);
    }
    status_line(frame, app, bottom);
    overlay::draw(frame, app, main);
}

/// Returns the border of a part of the window.
fn border(title: &str, has_focus: bool, columns: u16) -> Block<'static> {
    let title = shorten(title, usize::from(columns.saturating_sub(4)));
    let style = if has_focus { Style::new().fg(Color::Cyan) } else { DIM };
    Block::new().borders(Borders::ALL).border_style(style).title(format!(" {title} "))
}

fn rooms(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let block = border("Rooms", app.focus == Focus::List, area.width);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let height = usize::from(inner.height);
    // The selected room is always visible.
    let top = app.selected.saturating_sub(height.saturating_sub(1));
    (app.areas.list, app.areas.list_top) = (inner, top);
    if app.rooms.is_empty() {
        let text = "No rooms yet: ferry rooms, or ferry send @bob Hello";
        let paragraph = Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(paragraph.style(DIM), inner);
    }
    for (at, room) in app.rooms.iter().enumerate().skip(top).take(height) {
        let line = room_line(app, room, usize::from(inner.width));
        let style = match app.focus {
            _ if at != app.selected => Style::new(),
            Focus::List => CHOSEN,
            Focus::Room => Style::new().fg(Color::Cyan),
        };
        let row = u16::try_from(at - top).unwrap_or_default();
        frame.render_widget(line.style(style), Rect { y: inner.y + row, height: 1, ..inner });
    }
}

/// Returns `● @bob        3`.
fn room_line(app: &App, room: &RoomRow, columns: usize) -> Line<'static> {
    let (dot, style) = match room.peer.and_then(|peer| app.presence.get(&peer)) {
        Some(PresenceStatus::Online) => ("● ", Style::new().fg(Color::Green)),
        Some(PresenceStatus::Away) => ("○ ", Style::new().fg(Color::Yellow)),
        _ => ("  ", Style::new()),
    };
    let unread = match room.unread {
        0 => String::new(),
        many if many > UNREAD_MAX => format!(" {UNREAD_MAX}+"),
        many => format!(" {many}"),
    };
    let bold = if room.unread > 0 { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    let name = fit(&room.name, columns.saturating_sub(2 + unread.len()));
    Line::from(vec![Span::styled(dot, style), Span::styled(name, bold), Span::styled(unread, bold.fg(Color::Red))])
}

fn conversation(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let has_focus = app.focus == Focus::Room;
    let name = app.open.as_ref().map(|open| {
        let row = app.rooms.iter().find(|row| row.id == open.id);
        row.map_or_else(|| open.id.to_string(), |row| row.name.clone())
    });
    let block = border(name.as_deref().unwrap_or("Ferry"), has_focus, area.width);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    app.areas.room = inner;
    let is_read_only = app.is_read_only();
    let Some(open) = &mut app.open else {
        let text = format!("You are {}.\n\nEnter opens a room. F1 shows the keys.", app.me);
        frame.render_widget(Paragraph::new(text).style(DIM), inner.inner(Margin::new(1, 1)));
        return;
    };
    let about = u16::from(input::about(open).is_some());
    let [messages, rule, above, input] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(1), Constraint::Length(about), Constraint::Length(1)])
            .areas(inner);
    app.areas.messages = messages;
    let picked = open.picked;
    let rows = open.visible(usize::from(messages.width), usize::from(messages.height), &app.sending);
    for (at, row) in (0..messages.height).zip(rows) {
        let place = Rect { y: messages.y + at, height: 1, ..messages };
        frame.render_widget(&row.line, place);
        if row.is_said && Some(row.place) == picked {
            frame.buffer_mut().set_style(place, PICKED);
        }
    }
    if rows.is_empty() {
        let text = if open.is_loaded { "Nothing is stored of this room." } else { "reading …" };
        frame.render_widget(Line::styled(text, DIM), messages);
    }
    input::rule(frame, open, rule);
    input::draw(frame, app, above, input, has_focus && !is_read_only);
}

/// Draws how the connection is, a note, and where the help is.
fn status_line(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let (state, style) = match &app.relay {
        Relay::Connecting => ("connecting".to_owned(), Style::new().fg(Color::Yellow)),
        Relay::Online => ("online".to_owned(), Style::new().fg(Color::Green)),
        Relay::Offline(why) => (format!("offline: {why}"), Style::new().fg(Color::Red)),
        Relay::ReadOnly(who) => (format!("read only: {who} collects"), Style::new().fg(Color::Yellow)),
    };
    let columns = usize::from(area.width);
    let help = "F1 help";
    let note = app.notes.front().map_or_else(String::new, |note| note.text.clone());
    let jobs = app.jobs.short().map(|short| format!("  {short}")).unwrap_or_default();
    let jobs = shorten(&jobs, columns / 3);
    let room = columns.saturating_sub(width(help) + width(&jobs) + 6);
    let half = columns / if jobs.is_empty() { 2 } else { 3 };
    let state = shorten(&state, if note.is_empty() { room } else { half });
    let left = room.saturating_sub(width(&state));
    let spans = vec![
        Span::raw(" "),
        Span::styled(state, style),
        Span::styled(jobs, Style::new().fg(Color::Cyan)),
        Span::raw("  "),
        Span::raw(fit(&note, left)),
        Span::raw("  "),
        Span::styled(help, DIM),
    ];
    frame.render_widget(Line::from(spans), area);
}
