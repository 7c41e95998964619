//! The results: rows of figures, as tables for people and as JSON for programs.

use std::{borrow::Cow, fmt::Write};

use serde::{Deserialize, Serialize};

use crate::{load::Measured, options::Kind, tally::Verdict};

/// A number with a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// The name, with its unit.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// The figures of one system in one case of a scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The scenario's name.
    pub scenario: Cow<'static, str>,
    /// The description of what was done. Rows of the same case can be compared.
    pub case: String,
    /// The system's name.
    pub system: String,
    /// Whether the system is a relay of Ferry.
    pub is_relay: bool,
    /// The figures, in the order of the table's columns.
    pub figures: Vec<Figure>,
    /// The reason why there are no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Further notes for the reader.
    pub notes: Vec<String>,
    /// False if a message was lost or doubled.
    pub clean: bool,
}

impl Row {
    /// Creates a row without figures.
    pub fn new(scenario: &'static str, case: impl Into<String>, kind: Kind) -> Self {
        Self {
            scenario: scenario.into(),
            case: case.into(),
            system: kind.name(),
            is_relay: matches!(kind, Kind::Relay(_)),
            figures: Vec::new(),
            missing: None,
            notes: Vec::new(),
            clean: true,
        }
    }

    /// Creates a row of something that is neither a relay nor a peer of one.
    pub fn of(scenario: &'static str, case: &str, system: &str) -> Self {
        let (case, system) = (case.to_owned(), system.to_owned());
        let (figures, notes) = (Vec::new(), Vec::new());
        Self { scenario: scenario.into(), case, system, is_relay: false, figures, missing: None, notes, clean: true }
    }

    /// Marks the system as one that cannot be measured.
    pub fn missing(mut self, reason: &anyhow::Error) -> Self {
        self.missing = Some(format!("{reason:#}"));
        self
    }

    /// Adds a figure. Leaves out what is no number, such as a rate of nothing in no time: JSON has
    /// none for it.
    pub fn figure(&mut self, name: impl Into<String>, value: f64) {
        if value.is_finite() {
            self.figures.push(Figure { name: name.into(), value });
        }
    }

    /// Adds a note.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Returns the value of the figure with this name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Adds percentiles, in milliseconds.
    pub fn latencies(&mut self, measured: &Measured) {
        for (name, percentile) in [(P50, 50.0), (P99, 99.0), (P999, 99.9), ("max ms", 100.0)] {
            self.figure(name, measured.latency.value_at_percentile(percentile) as f64 / 1_000.0);
        }
    }

    /// Adds the CPU of each group, in hundredths of a core, and the generator's share of all CPU.
    pub fn cpu(&mut self, used: &[(&'static str, f64)]) {
        for (name, hundredths) in used {
            self.figure(format!("{name} cpu %"), *hundredths);
        }
        let all: f64 = used.iter().map(|(_, hundredths)| hundredths).sum();
        if let Some((_, own)) = used.iter().find(|(name, _)| *name == crate::sample::GENERATOR)
            && all > 0.0
        {
            self.figure("generator's share %", own / all * 100.0);
        }
    }

    /// Adds what was lost, doubled and rejected.
    pub fn verdict(&mut self, verdict: &Verdict) {
        self.clean &= verdict.is_clean();
        self.figure("lost", verdict.lost as f64);
        self.figure("doubled", verdict.doubled as f64);
        for (name, count) in [
            ("redelivered", verdict.redelivered),
            ("sends refused", verdict.refused),
            ("sends unanswered", verdict.unanswered),
        ] {
            if count > 0 {
                self.note(format!("{name}: {count}"));
            }
        }
    }
}

/// The name of the figure for throughput.
pub const DELIVERIES: &str = "deliveries/s";
/// The name of the figure for the median latency.
pub const P50: &str = "p50 ms";
/// The name of the figure that 99 % of the latencies do not exceed.
pub const P99: &str = "p99 ms";

/// The name of the figure that 99.9 % of the latencies do not exceed.
pub const P999: &str = "p99.9 ms";

/// All results.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The description of the machine.
    pub machine: Vec<String>,
    /// All rows.
    pub rows: Vec<Row>,
}

impl Report {
    /// Creates a report for this machine.
    pub fn new() -> Self {
        Self { machine: machine(), rows: Vec::new() }
    }

    /// Adds a figure to each row of the scenario: the row's figure divided by that of the given
    /// system in the same case.
    pub fn compare(&mut self, scenario: &str, figure: &str, base: &str) {
        let bases: Vec<(String, f64)> = self
            .rows
            .iter()
            .filter(|row| row.scenario == scenario && row.system == base)
            .filter_map(|row| Some((row.case.clone(), row.value(figure)?)))
            .collect();
        for row in self.rows.iter_mut().filter(|row| row.scenario == scenario) {
            let base = bases.iter().find(|(case, value)| *case == row.case && *value > 0.0);
            let place = row.figures.iter().position(|own| own.name == figure);
            if let (Some((_, base)), Some(place)) = (base, place) {
                let value = row.figures[place].value / base;
                row.figures.insert(place + 1, Figure { name: "÷ bare".to_owned(), value });
            }
        }
    }

    /// Returns the tables of a scenario, in Markdown.
    pub fn tables(&self, scenario: &str) -> String {
        let mut text = String::new();
        let mut cases: Vec<&str> = Vec::new();
        for row in self.rows.iter().filter(|row| row.scenario == scenario) {
            if !cases.contains(&row.case.as_str()) {
                cases.push(&row.case);
            }
        }
        for case in cases {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.scenario == scenario && row.case == case).collect();
            let _ = writeln!(text, "\n### {scenario}: {case}\n\n{}", table(&rows));
        }
        text
    }

    /// Returns the rows of relays in which a message was lost or doubled.
    pub fn failures(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| row.is_relay && (!row.clean || row.missing.is_some())).collect()
    }
}

fn table(rows: &[&Row]) -> String {
    // A name may be in a row more than once (÷ bare), so columns are identified by their position
    // among those of the same name.
    let mut columns: Vec<(&str, usize)> = Vec::new();
    for row in rows {
        let mut last = 0;
        for column in named(row).map(|(column, _)| column) {
            match columns.iter().position(|known| *known == column) {
                Some(place) => last = place + 1,
                None => {
                    columns.insert(last, column);
                    last += 1;
                }
            }
        }
    }
    let mut lines =
        vec![std::iter::once("system").chain(columns.iter().map(|(name, _)| *name)).map(str::to_owned).collect()];
    for row in rows {
        let cell = |column: &(&str, usize)| match &row.missing {
            // To show it once is enough.
            Some(_) if *column == columns[0] => "missing".to_owned(),
            Some(_) => String::new(),
            None => named(row).find(|(name, _)| name == column).map_or_else(String::new, |(_, value)| number(value)),
        };
        lines.push(std::iter::once(row.system.clone()).chain(columns.iter().map(cell)).collect::<Vec<String>>());
    }
    let mut text = markdown(&lines);
    for row in rows {
        for note in row.missing.iter().map(|reason| format!("missing: {reason}")).chain(row.notes.iter().cloned()) {
            let _ = writeln!(text, "- {}: {}", row.system, note.trim_end().replace('\n', "\n  "));
        }
    }
    text
}

fn named(row: &Row) -> impl Iterator<Item = ((&str, usize), f64)> {
    row.figures.iter().enumerate().map(|(place, figure)| {
        let before = row.figures[..place].iter().filter(|other| other.name == figure.name).count();
        ((figure.name.as_str(), before), figure.value)
    })
}

fn markdown(lines: &[Vec<String>]) -> String {
    let count = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = if column == 0 { write!(text, "| {cell:<width$} ") } else { write!(text, "| {cell:>width$} ") };
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _ = write!(text, "|{}{}", "-".repeat(width + 1), if column == 0 { "-" } else { ":" });
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Returns the number with as many digits as have a meaning.
pub fn number(value: f64) -> String {
    match value.abs() {
        _ if value == value.trunc() && value.abs() < 1e15 => thousands(value),
        size if size >= 100.0 => thousands(value.round()),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

fn machine() -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let memory: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    vec![
        format!("{cores} cores, {model}"),
        format!("{:.0} GB of memory", memory / 1024.0 / 1024.0),
        format!("Linux {}", kernel.trim()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{BARE, Backend, PeerName};

    #[test]
    fn rows_of_a_case_make_a_table_and_a_missing_one_says_why() {
        let mut report = Report::default();
        for (kind, rate) in [(Kind::Relay(Backend::Nsqd), 500.0), (Kind::Peer(PeerName::Bare), 2_000.0)] {
            let mut row = Row::new("fanout", "rooms of 2", kind);
            row.figure(DELIVERIES, rate);
            row.figure("server cpu %", 12.34);
            report.rows.push(row);
        }
        let reason = anyhow::anyhow!("no such program");
        report.rows.push(Row::new("fanout", "rooms of 2", Kind::Peer(PeerName::Centrifugo)).missing(&reason));
        report.compare("fanout", DELIVERIES, BARE);
        let text = report.tables("fanout");
        assert!(text.contains("| ferry nsqd      |          500 |   0.25 |         12.3 |"), "{text}");
        assert!(text.contains("| centrifugo      |      missing |"), "{text}");
        assert!(text.contains("- centrifugo: missing: no such program"), "{text}");
        assert!(report.failures().is_empty());
    }

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        let shown = [0.0, 3.0, 0.1234, 12.34, 123.4, 1_234_567.8, -1_000.0].map(number);
        assert_eq!(shown, ["0", "3", "0.12", "12.3", "123", "1,234,568", "-1,000"]);
    }
}
