//! Results as a picture: an SVG of horizontal bars, with a group for each case.

use std::fmt::Write;

use crate::report::{DELIVERIES, P50, P99, P999, Report, Row, number};

const WIDTH: f64 = 860.0;
/// The positions where bars begin, and where the longest ends.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 760.0;
const BAR: f64 = 13.0;
const GAP: f64 = 5.0;

/// The colours of a relay's bars, and of others. The first shade is for the first figure.
const RELAY: [&str; 3] = ["#1d4ed8", "#5b8def", "#b4cdf9"];
const PEER: [&str; 3] = ["#6b7280", "#a3a9b3", "#d8dbe0"];

/// A panel with some figures of a scenario's rows. A row without a figure has no bar.
struct Panel {
    scenario: &'static str,
    title: &'static str,
    figures: &'static [&'static str],
    /// Whether the scale is logarithmic, so that tenfold distances are equal.
    logarithmic: bool,
    /// Returns whether a row belongs to this panel.
    wants: fn(&Row) -> bool,
}

const PANELS: [Panel; 3] = [
    Panel {
        scenario: "fanout",
        title: "Latency from send to receipt, milliseconds (p50, p99, p99.9; logarithmic)",
        figures: &[P50, P99, P999],
        logarithmic: true,
        wants: |row| !is_unthrottled(row),
    },
    Panel {
        scenario: "fanout",
        title: "Deliveries a second, as fast as it goes",
        figures: &[DELIVERIES],
        logarithmic: false,
        wants: is_unthrottled,
    },
    Panel {
        scenario: "idle",
        title: "Memory of an idle device, KB (server, nsqd)",
        figures: &["server KB/device", "nsqd KB/device"],
        logarithmic: false,
        wants: |_| true,
    },
];

fn is_unthrottled(row: &Row) -> bool {
    row.case.contains("under way")
}

/// Returns the picture.
pub fn draw(report: &Report) -> String {
    let mut canvas = Canvas { body: String::new(), y: 24.0 };
    for panel in &PANELS {
        let wanted = |row: &&Row| row.scenario == panel.scenario && row.missing.is_none() && (panel.wants)(row);
        let mut rows: Vec<&Row> = report.rows.iter().filter(wanted).collect();
        // Rows that can be compared stand together, in the order in which their cases were met.
        let cases: Vec<String> = rows.iter().map(|row| row.case.clone()).collect();
        rows.sort_by_key(|row| cases.iter().position(|case| *case == row.case));
        if !rows.is_empty() {
            canvas.panel(panel, &rows);
        }
    }
    canvas.text(8.0, "start", "#6b7280", 11, &report.machine.join("; "));
    let height = canvas.y + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
         font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
        canvas.body
    )
}

struct Canvas {
    body: String,
    y: f64,
}

/// The conversion of a value to a length, by the panel's extremes.
struct Scale {
    least: f64,
    most: f64,
    logarithmic: bool,
}

impl Scale {
    fn new(panel: &Panel, rows: &[&Row]) -> Self {
        let values: Vec<f64> =
            rows.iter().flat_map(|row| panel.figures.iter().filter_map(|name| row.value(name))).collect();
        let most = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().filter(|&value| value > 0.0).fold(most, f64::min);
        // The scale begins at the power of ten below the least value, so that the shortest bar is
        // still a bar.
        Self { least: 10_f64.powf(least.max(1e-9).log10().floor()), most, logarithmic: panel.logarithmic }
    }

    fn length(&self, value: f64) -> f64 {
        let share = match self.logarithmic {
            _ if value <= 0.0 || self.most <= 0.0 => 0.0,
            true if self.most > self.least => (value / self.least).ln() / (self.most / self.least).ln(),
            _ => value / self.most,
        };
        share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

impl Canvas {
    fn panel(&mut self, panel: &Panel, rows: &[&Row]) {
        let scale = Scale::new(panel, rows);
        self.text(8.0, "start", "#111827", 15, panel.title);
        self.y += 10.0;
        let mut case = "";
        for row in rows {
            if row.case != case {
                case = &row.case;
                self.y += 12.0;
                self.text(8.0, "start", "#374151", 12, case);
                self.y += 8.0;
            }
            self.bars(panel, &scale, row);
        }
        self.y += 28.0;
    }

    fn bars(&mut self, panel: &Panel, scale: &Scale, row: &Row) {
        let shades = if row.is_relay { RELAY } else { PEER };
        let mut named = false;
        for (name, shade) in panel.figures.iter().zip(shades) {
            let Some(value) = row.value(name) else { continue };
            let (top, length) = (self.y, scale.length(value).max(1.0));
            let _ = writeln!(
                self.body,
                "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{shade}\"/>"
            );
            self.y += BAR - 2.5;
            if !std::mem::replace(&mut named, true) {
                self.text(LEFT - 8.0, "end", "#111827", 12, &row.system);
            }
            self.text(LEFT + length + 6.0, "start", "#374151", 11, &number(value));
            self.y += 3.5;
        }
        self.y += GAP;
    }

    /// Draws text with its base line at the current position of the canvas.
    fn text(&mut self, x: f64, anchor: &str, fill: &str, size: u32, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"{fill}\" font-size=\"{size}\">{text}</text>",
            self.y
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Backend, Kind, PeerName};

    #[test]
    fn bars_are_in_proportion_and_missing_rows_have_none() {
        let mut report = Report::default();
        for (kind, rate) in [(Kind::Relay(Backend::Nsqd), 500.0), (Kind::Peer(PeerName::Bare), 2_000.0)] {
            let mut row = Row::new("fanout", "rooms of 2 & more, 8 under way in each", kind);
            row.figure(DELIVERIES, rate);
            report.rows.push(row);
        }
        let reason = anyhow::anyhow!("not there");
        report.rows.push(Row::new("fanout", "under way", Kind::Peer(PeerName::Nats)).missing(&reason));
        let svg = draw(&report);
        assert!(svg.contains("width=\"570.0\"") && svg.contains("width=\"142.5\""), "{svg}");
        assert!(svg.contains("rooms of 2 &amp; more") && !svg.contains("nats") && !svg.contains("Memory"), "{svg}");
    }
}
