//! What takes long, and where to write a backup.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::super::jobs::Jobs;
use super::super::overlay::Saving;
use super::super::rows::DIM;
use super::super::text::wrap;
use super::CHOSEN;

/// Draws how far each job is.
pub fn draw(frame: &mut Frame<'_>, jobs: &Jobs, area: Rect) {
    let columns = usize::from(area.width);
    let mut lines = Vec::new();
    for (at, job) in jobs.all.iter().enumerate() {
        let style = if at == jobs.selected { CHOSEN } else { Style::new() };
        lines.push(Line::styled(job.title(), style));
        let running = if job.is_running() { Style::new().fg(Color::Cyan) } else { Style::new() };
        for line in job.lines() {
            let wrapped = wrap(&line, columns.saturating_sub(2), columns.saturating_sub(2));
            lines.extend(wrapped.into_iter().map(|line| Line::styled(format!("  {line}"), running)));
        }
        lines.push(Line::default());
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing", DIM));
    }
    put(frame, &lines, area);
}

/// Draws the directory that the user types, or what to do first.
pub fn where_to_save(frame: &mut Frame<'_>, saving: &Saving, area: Rect) {
    let columns = usize::from(area.width);
    let wrapped = |text: &str| wrap(text, columns, columns).into_iter().map(Line::raw).collect::<Vec<_>>();
    let Saving::To(directory) = saving else {
        let mut lines =
            wrapped("There is no key yet that opens your backups. Make one, and keep it where this device is not:");
        lines.extend([
            Line::default(),
            Line::styled("  ferry backup key new --to recovery.txt", Style::new().fg(Color::Cyan)),
        ]);
        lines.extend([Line::default(), Line::styled("Any key closes this.", DIM)]);
        return put(frame, &lines, area);
    };
    let mut lines = wrapped("The backup has everything, and only your recovery key opens it.");
    lines.push(Line::default());
    let (text, cursor) = directory.view(columns.saturating_sub(11));
    lines.push(Line::from(vec![Span::styled("Directory: ", DIM), Span::raw(text)]));
    let row = area.y + u16::try_from(lines.len() - 1).unwrap_or_default().min(area.height.saturating_sub(1));
    let column = u16::try_from(cursor + 11).unwrap_or_default().min(area.width.saturating_sub(1));
    frame.set_cursor_position(Position::new(area.x + column, row));
    lines.extend([Line::default(), Line::styled("Enter writes it, Esc leaves it.", DIM)]);
    put(frame, &lines, area);
}

fn put(frame: &mut Frame<'_>, lines: &[Line<'_>], area: Rect) {
    for (at, line) in (0..area.height).zip(lines) {
        frame.render_widget(line, Rect { y: area.y + at, height: 1, ..area });
    }
}
