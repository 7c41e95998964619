//! How the history is: its size, its times, and a calendar of what is here.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::super::calendar::{Cell, Row};
use super::super::health::Health;
use super::super::rows::DIM;
use super::super::text::{shorten, width, wrap};
use crate::show;

const HERE: Style = Style::new().fg(Color::Green);
const HOLE: Style = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);
const TITLE: Style = Style::new().fg(Color::Cyan);
/// The columns of `2026-01` and a blank.
const NAME: usize = 8;
/// In fewer columns there is no room for a blank between the name and the days.
const NARROW: usize = 50;

/// Draws what is not scrolled away.
pub fn draw(frame: &mut Frame<'_>, health: &Health, area: Rect) {
    let lines = lines(health, usize::from(area.width));
    health.rows.set(lines.len());
    let top = health.top.min(lines.len().saturating_sub(1));
    for (at, line) in (0..area.height).zip(&lines[top..]) {
        frame.render_widget(line, Rect { y: area.y + at, height: 1, ..area });
    }
}

/// Returns all lines, in so many columns.
fn lines(health: &Health, columns: usize) -> Vec<Line<'static>> {
    let plain = |line: &String| wrap(line, columns, columns).into_iter().map(Line::raw).collect::<Vec<_>>();
    let mut lines: Vec<Line<'static>> = health.lines.iter().flat_map(plain).collect();
    let calendar = &health.calendar;
    if !calendar.months.is_empty() {
        let (rows, wide) = if health.by_year { (&calendar.years, 3) } else { (&calendar.months, 1) };
        lines.extend(legend(columns));
        lines.push(head(health.by_year, columns));
        lines.extend(rows.iter().map(|row| calendar_row(row, wide, columns)));
    }
    if !health.holes.is_empty() {
        lines.push(Line::default());
    }
    for hole in &health.holes {
        lines.extend(wrap(hole, columns, columns).into_iter().map(|line| Line::styled(line, HOLE)));
    }
    lines
}

fn sign(cell: Cell) -> Span<'static> {
    match cell {
        Cell::Future => Span::raw(" "),
        Cell::Nothing => Span::styled("·", DIM),
        Cell::Part => Span::styled("□", HERE),
        Cell::Whole => Span::styled("■", HERE),
        Cell::Hole => Span::styled("~", HOLE),
    }
}

/// Returns what the signs mean, on as many lines as that takes.
fn legend(columns: usize) -> Vec<Line<'static>> {
    let words = [
        (Cell::Whole, "everything is here"),
        (Cell::Part, "in part"),
        (Cell::Hole, "messages may be missing"),
        (Cell::Nothing, "nothing known"),
    ];
    let mut lines = vec![Line::default(), Line::default()];
    for (cell, words) in words {
        let words = format!(" {words}  ");
        if lines.last().is_some_and(|line| line.width() + 1 + width(words.trim_end()) > columns) {
            lines.push(Line::default());
        }
        if let Some(line) = lines.last_mut() {
            line.spans.extend([sign(cell), Span::raw(words)]);
        }
    }
    lines
}

fn gap(columns: usize) -> usize {
    usize::from(columns >= NARROW)
}

/// Returns the days or the months above the signs.
fn head(by_year: bool, columns: usize) -> Line<'static> {
    let mut text = " ".repeat(NAME - 1 + gap(columns));
    match by_year {
        true => text.push_str(&(1..=12).map(|month| format!("{month:<3}")).collect::<String>()),
        false => text.push_str("1   5    10   15   20   25   30"),
    }
    Line::styled(shorten(&text, columns), TITLE)
}

/// Returns `2026-01 ■■■~□···   120 records`.
fn calendar_row(row: &Row, wide: usize, columns: usize) -> Line<'static> {
    let mut spans = vec![Span::styled(format!("{:<1$}", row.name, NAME - 1 + gap(columns)), TITLE)];
    for cell in &row.cells {
        spans.push(sign(*cell));
        spans.push(Span::raw(" ".repeat(wide - 1)));
    }
    let taken: usize = spans.iter().map(Span::width).sum();
    let records = if row.records > 0 { show::count(row.records, "record") } else { String::new() };
    // The numbers stand below each other, also after a short month.
    let end = NAME + 36;
    if taken.max(end) + width(&records) + 2 <= columns {
        let blanks = " ".repeat((end + 2).saturating_sub(taken));
        spans.push(Span::styled(format!("{blanks}{records}"), DIM));
    }
    Line::from(spans)
}
