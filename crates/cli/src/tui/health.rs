//! How the history is, as F2 shows it.

use std::cell::Cell;
use std::collections::BTreeMap;

use ferry_history::{History, Hole, Result, Span};
use jiff::tz::TimeZone;

use super::calendar::{Calendar, Known};
use crate::history::summary;
use crate::recall::hole_line;
use crate::show;

/// The most holes that are shown, the newest ones.
const HOLES: usize = 100;
/// The most other devices that are named.
const DEVICES: usize = 10;

/// Nothing in it steers a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Its size, its times and its backups.
    pub lines: Vec<String>,
    pub calendar: Calendar,
    /// The times for which messages may be missing, the newest first.
    pub holes: Vec<String>,
    /// Whether to show years instead of months.
    pub by_year: bool,
    /// How many rows are scrolled away.
    pub top: usize,
    /// How many rows there are in the columns of the last drawing.
    pub rows: Cell<usize>,
}

impl Health {
    /// Scrolls by rows: up if the number is negative. The last row stays visible.
    pub fn scroll_by(&mut self, by: isize) {
        self.top = self.top.saturating_add_signed(by).min(self.rows.get().saturating_sub(1));
    }
}

/// Reads how the history is.
pub fn read(history: &History, now: i64) -> Result<Health> {
    let (mut lines, holes) = (summary(history)?, history.holes(now)?);
    lines.extend(verified(history)?);
    for device in history.paired_devices()?.into_iter().take(DEVICES) {
        let equal = device.equal_at.map_or_else(|| "never".to_owned(), |at| show::time(at, "%F %R"));
        lines.push(format!("equal     with {}: {equal}", device.name));
    }
    lines.push(format!("holes     {}", holes.len()));
    let calendar = calendar(history, &holes, now)?;
    let by_year = calendar.is_long();
    let safe = |line: &String| show::line(line);
    let holes: Vec<String> = holes.iter().rev().take(HOLES).map(hole_line).collect();
    Ok(Health {
        lines: lines.iter().map(safe).collect(),
        calendar,
        holes: holes.iter().map(safe).collect(),
        by_year,
        top: 0,
        rows: Cell::default(),
    })
}

/// Says which backup was verified, if it is not the last one.
fn verified(history: &History) -> Result<Option<String>> {
    let made = history.backups()?;
    if made.last().is_none_or(|last| last.verified_at.is_some()) {
        return Ok(None);
    }
    let latest = made.iter().filter_map(|made| Some((made.verified_at?, made.created_at))).max();
    Ok(Some(match latest {
        Some((at, of)) => format!("verified  {}, the backup of {}", show::time(at, "%F"), show::time(of, "%F")),
        None => "verified  no backup yet: ferry backup verify".to_owned(),
    }))
}

fn calendar(history: &History, holes: &[Hole], now: i64) -> Result<Calendar> {
    let whole = history.whole()?;
    // A hole of one moment is one.
    let holes: Vec<Span> =
        holes.iter().map(|hole| Span(hole.since, hole.until.max(hole.since).saturating_add(1))).collect();
    let months = history.digest()?.0;
    let records: BTreeMap<i64, u64> = months.into_iter().map(|(month, tally)| (month, tally.count)).collect();
    let oldest = history.status()?.oldest;
    let known = Known { whole: whole.as_slice(), holes: &holes, oldest, records: &records };
    Ok(Calendar::new(&known, now, &TimeZone::system()))
}
