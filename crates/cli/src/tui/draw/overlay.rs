//! What lies over the rooms: the help, the search, how the history is, and the devices.

use ferry_client::protocol::Device;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::super::app::App;
use super::super::keys::HELP;
use super::super::overlay::{Overlay, Search};
use super::super::rows::DIM;
use super::super::text::{fit, shorten};
use super::{CHOSEN, border, health, jobs};
use crate::show;

/// Draws the overlay, if there is one.
pub fn draw(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let Some(overlay) = &app.overlay else { return };
    // A wide letter at the edge of what is covered would hide the border, so nothing stays visible.
    frame.render_widget(Clear, area);
    let title = match overlay {
        Overlay::Help => "Help",
        Overlay::Status(_) => "History: s syncs with your other devices, b writes a backup, c years",
        Overlay::Devices(_) => "Your devices: s syncs with them, p pairs with another one",
        Overlay::Pair(_) => "Pair with another device",
        Overlay::Search(_) => "Search",
        Overlay::Jobs => "What runs: x ends it, Esc lets it go on",
        Overlay::Backup(_) => "Write a backup",
    };
    let block = border(title, true, area.width);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    match overlay {
        Overlay::Help => lines(frame, HELP.lines(), inner),
        Overlay::Status(None) => lines(frame, ["reading …"], inner),
        Overlay::Status(Some(health)) => health::draw(frame, health, inner),
        Overlay::Devices(None) => lines(frame, ["reading …"], inner),
        Overlay::Devices(Some(Err(why))) => lines(frame, [why.as_str()], inner),
        Overlay::Devices(Some(Ok(devices))) => {
            let table = show::table(devices.iter().map(row));
            lines(frame, table.lines(), inner);
        }
        Overlay::Pair(text) => lines(frame, text.iter().map(String::as_str), inner),
        Overlay::Search(search) => found(frame, search, inner),
        Overlay::Jobs => jobs::draw(frame, &app.jobs, inner),
        Overlay::Backup(None) => lines(frame, ["reading …"], inner),
        Overlay::Backup(Some(saving)) => jobs::where_to_save(frame, saving, inner),
    }
}

fn lines<'a>(frame: &mut Frame<'_>, lines: impl IntoIterator<Item = &'a str>, area: Rect) {
    for (at, line) in (0..area.height).zip(lines) {
        let line = shorten(line, usize::from(area.width));
        frame.render_widget(Line::raw(line), Rect { y: area.y + at, height: 1, ..area });
    }
}

fn row(device: &Device) -> Vec<String> {
    let seen = show::time(device.last_seen_at, "%F %R");
    vec![
        if device.current { "*" } else { " " }.to_owned(),
        device.name.clone(),
        if device.online { "online".to_owned() } else { format!("last seen {seen}") },
        device.ip.clone(),
    ]
}

fn found(frame: &mut Frame<'_>, search: &Search, area: Rect) {
    let [input, hint, list] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(1)]).areas(area);
    let (text, cursor) = search.words.view(usize::from(input.width).saturating_sub(2));
    frame.render_widget(Line::from(vec![Span::styled("/ ", DIM), Span::raw(text)]), input);
    let column = u16::try_from(cursor + 2).unwrap_or_default().min(input.width.saturating_sub(1));
    frame.set_cursor_position(Position::new(input.x + column, input.y));
    let words = match &search.found {
        Err(why) => why.clone(),
        _ if search.words.is_empty() => "words, \"at noon\", lun*, from:bob, in:general, after:2026-01".to_owned(),
        Ok(found) if found.is_empty() && search.is_running => "searching …".to_owned(),
        Ok(found) => format!("{}, the newest first", show::count(found.len() as u64, "message")),
    };
    frame.render_widget(Line::styled(shorten(&words, usize::from(hint.width)), DIM), hint);
    let height = usize::from(list.height);
    let top = search.selected.saturating_sub(height.saturating_sub(1));
    let found = search.found.as_deref().unwrap_or_default();
    for (at, hit) in found.iter().enumerate().skip(top).take(height) {
        let line = Line::raw(fit(&hit.line, usize::from(list.width)));
        let line = if at == search.selected { line.style(CHOSEN) } else { line };
        let row = u16::try_from(at - top).unwrap_or_default();
        frame.render_widget(line, Rect { y: list.y + row, height: 1, ..list });
    }
}
