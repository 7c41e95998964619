//! The times from which everything is here, as a calendar.

use std::collections::BTreeMap;

use ferry_history::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// The most months that are shown, the newest ones: a century.
const MONTHS: i64 = 1_200;
/// With more months, the years are shown first.
const BY_YEAR: usize = 24;

/// How much of a day or a month is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// It has not begun.
    Future,
    /// Nobody knows anything of it.
    Nothing,
    /// A part of it is here, and the rest is before or after what is known.
    Part,
    /// All of it is here.
    Whole,
    /// Something may be missing.
    Hole,
}

/// A row of the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `2026-01` or `2026`.
    pub name: String,
    /// Its days or months.
    pub cells: Vec<Cell>,
    /// How many records are stored of it.
    pub records: u64,
}

/// What a calendar is made of. Times are in milliseconds since the Unix epoch.
pub struct Known<'a> {
    /// The times for which everything is here.
    pub whole: &'a [Span],
    /// The times for which something may be missing.
    pub holes: &'a [Span],
    /// When the oldest message was sent.
    pub oldest: Option<i64>,
    /// The number of records of each month, by `year * 12 + month - 1`.
    pub records: &'a BTreeMap<i64, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    /// The months, the newest first.
    pub months: Vec<Row>,
    /// The years, the newest first.
    pub years: Vec<Row>,
}

impl Calendar {
    /// Creates one of what is known, from the oldest of it until `now`.
    pub fn new(known: &Known<'_>, now: i64, zone: &TimeZone) -> Self {
        let Some(today) = date(now, zone) else { return Self::default() };
        let (whole, holes, records) = (Times::new(known.whole), Times::new(known.holes), known.records);
        let begin = |times: &Times| times.0.first().map(|span| span.0);
        let first = [begin(&whole), begin(&holes), known.oldest].into_iter().flatten();
        let first = first.filter_map(|at| date(at, zone)).map(number).min();
        let (last, mut calendar) = (number(today), Self::default());
        let Some(first) = first.map(|first| first.max(last - MONTHS + 1)) else { return calendar };
        for month in (first..=last).rev() {
            let Some(begin) = first_day(month) else { continue };
            let days = (0..begin.days_in_month()).filter_map(|day| begin.checked_add(day.days()).ok());
            let cells: Vec<Cell> = days.map(|day| of_day(day, &whole, &holes, now, zone)).collect();
            let records = records.get(&month).copied().unwrap_or_default();
            calendar.add_to_year(begin, joined(&cells), records);
            calendar.months.push(Row { name: begin.strftime("%Y-%m").to_string(), cells, records });
        }
        calendar
    }

    fn add_to_year(&mut self, month: Date, cell: Cell, records: u64) {
        let name = month.strftime("%Y").to_string();
        if self.years.last().is_none_or(|year| year.name != name) {
            // What is not seen below is before the first month, or in the future.
            let cells = (1..=12).map(|at| if at > month.month() { Cell::Future } else { Cell::Nothing });
            self.years.push(Row { name, cells: cells.collect(), records: 0 });
        }
        let at = usize::try_from(month.month() - 1).unwrap_or_default();
        if let Some(year) = self.years.last_mut()
            && let Some(held) = year.cells.get_mut(at)
        {
            *held = cell;
            year.records += records;
        }
    }

    /// Returns whether the years say more at one glance.
    pub fn is_long(&self) -> bool {
        self.months.len() > BY_YEAR
    }
}

/// Spans in order that do not overlap.
struct Times(Vec<Span>);

impl Times {
    fn new(spans: &[Span]) -> Self {
        let mut spans = spans.to_vec();
        spans.sort_unstable();
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match joined.last_mut() {
                Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
                _ => joined.push(span),
            }
        }
        Self(joined)
    }

    /// Returns how much of a time they have, in milliseconds.
    fn within(&self, begin: i64, end: i64) -> i64 {
        let first = self.0.partition_point(|span| span.1 <= begin);
        let inside = self.0[first..].iter().take_while(|span| span.0 < end);
        inside.map(|span| span.1.min(end) - span.0.max(begin)).sum()
    }
}

fn of_day(day: Date, whole: &Times, holes: &Times, now: i64, zone: &TimeZone) -> Cell {
    let start = |day: Date| day.to_zoned(zone.clone()).map(|zoned| zoned.timestamp().as_millisecond());
    let (Ok(begin), Ok(Ok(end))) = (start(day), day.tomorrow().map(start)) else { return Cell::Nothing };
    let end = end.min(now);
    if begin >= end {
        return Cell::Future;
    }
    match whole.within(begin, end) {
        _ if holes.within(begin, end) > 0 => Cell::Hole,
        0 => Cell::Nothing,
        here if here == end - begin => Cell::Whole,
        _ => Cell::Part,
    }
}

/// Returns what a month is, given its days.
fn joined(days: &[Cell]) -> Cell {
    let mut known = days.iter().copied().filter(|day| *day != Cell::Future);
    let Some(first) = known.next() else { return Cell::Future };
    match () {
        () if days.contains(&Cell::Hole) => Cell::Hole,
        () if known.all(|day| day == first) => first,
        () => Cell::Part,
    }
}

fn date(at: i64, zone: &TimeZone) -> Option<Date> {
    Some(Timestamp::from_millisecond(at).ok()?.to_zoned(zone.clone()).date())
}

fn number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

fn first_day(month: i64) -> Option<Date> {
    let (year, month) = (i16::try_from(month.div_euclid(12)).ok()?, i8::try_from(month.rem_euclid(12) + 1).ok()?);
    Date::new(year, month, 1).ok()
}

#[cfg(test)]
mod tests {
    use super::Cell::{Future, Hole, Nothing, Part, Whole};
    use super::*;

    const DAY: i64 = 86_400_000;
    /// 2026-03-01, 00:00 UTC.
    const MARCH: i64 = 1_772_323_200_000;

    fn calendar(whole: &[(i64, i64)], holes: &[(i64, i64)], now: i64) -> Calendar {
        let spans = |list: &[(i64, i64)]| list.iter().map(|(a, b)| Span(*a, *b)).collect::<Vec<_>>();
        let records = BTreeMap::from([(2026 * 12 + 1, 7)]);
        let known = Known { whole: &spans(whole), holes: &spans(holes), oldest: None, records: &records };
        Calendar::new(&known, now, &TimeZone::UTC)
    }

    #[test]
    fn days_are_whole_in_part_or_with_a_hole() {
        let begin = MARCH - 3 * DAY / 2;
        // The hole of one moment is cut out of what is whole.
        let hole = (MARCH + DAY, MARCH + DAY + 1);
        let whole = [(begin, hole.0), (hole.1, MARCH + 3 * DAY)];
        let shown = calendar(&whole, &[hole], MARCH + 4 * DAY + 1);
        assert_eq!((shown.months[0].name.as_str(), shown.months[0].records), ("2026-03", 0));
        assert_eq!(shown.months[0].cells[..6], [Whole, Hole, Whole, Nothing, Nothing, Future]);
        assert_eq!(shown.months[0].cells.len(), 31);
        assert_eq!((shown.months[1].name.as_str(), shown.months[1].records), ("2026-02", 7));
        assert_eq!(shown.months[1].cells[25..], [Nothing, Part, Whole]);
        assert_eq!(shown.months.len(), 2);
        assert_eq!(shown.years.len(), 1);
        assert_eq!((shown.years[0].name.as_str(), shown.years[0].records), ("2026", 7));
        assert_eq!(shown.years[0].cells[..4], [Nothing, Part, Hole, Future]);
        assert!(!shown.is_long());
    }

    #[test]
    fn a_history_of_many_years_has_a_row_for_each() {
        let shown = calendar(&[(MARCH - 3 * 365 * DAY, MARCH)], &[], MARCH);
        assert!(shown.is_long());
        assert_eq!(
            shown.years.iter().map(|year| year.name.as_str()).collect::<Vec<_>>(),
            ["2026", "2025", "2024", "2023"]
        );
        assert_eq!(shown.years[1].cells, [Whole; 12]);
        assert_eq!(shown.years[3].cells[..4], [Nothing, Nothing, Part, Whole]);
    }

    #[test]
    fn wild_times_make_no_endless_calendar() {
        let shown = calendar(&[(i64::MIN, 0), (i64::MAX - 1, i64::MAX)], &[(-DAY * 365 * 5_000, i64::MAX)], MARCH);
        assert_eq!(shown.months.len(), MONTHS as usize);
        assert_eq!(calendar(&[], &[], i64::MAX), Calendar::default());
    }
}
