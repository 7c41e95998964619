//! A screen as SVG: what a terminal would show, with every cell at its place.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};

use super::super::text::width;

/// The size of a cell, and the space around the screen.
const WIDE: f32 = 8.4;
const HIGH: f32 = 18.0;
const EDGE: f32 = 10.0;
const PAPER: &str = "#16181d";
const INK: &str = "#d6dae0";

/// What makes cells of a row one run.
#[derive(PartialEq, Eq, Clone)]
struct Look {
    ink: String,
    paper: Option<String>,
    is_bold: bool,
    is_italic: bool,
}

/// Returns the screen as a picture, with the cursor.
pub fn svg(buffer: &Buffer, cursor: Option<Position>) -> String {
    let (columns, rows) = (buffer.area.width, buffer.area.height);
    let (wide, high) = (f32::from(columns) * WIDE + 2.0 * EDGE, f32::from(rows) * HIGH + 2.0 * EDGE);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {high:.0}\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    );
    for (row, cells) in buffer.content().chunks(usize::from(columns)).enumerate() {
        let mut column = 0;
        while column < cells.len() {
            let length = run(cells, column);
            draw(&mut out, &cells[column..column + length], column, row);
            column += length;
        }
    }
    if let Some(Position { x, y }) = cursor {
        let (x, y) = (EDGE + f32::from(x) * WIDE, EDGE + f32::from(y) * HIGH);
        let _ = writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{WIDE}\" height=\"{HIGH}\" fill=\"{INK}\"/>");
    }
    out.push_str("</svg>\n");
    out
}

fn is_drawn(symbol: &str) -> bool {
    matches!(symbol, "│" | "─" | "┌" | "┐" | "└" | "┘" | "■" | "□" | "█" | "░")
}

/// Returns how many cells from a column on look the same. A wide letter and a line stand alone.
fn run(cells: &[Cell], from: usize) -> usize {
    let symbol = cells[from].symbol();
    let wide = width(symbol).max(1);
    if wide > 1 {
        return wide;
    }
    let same = |cell: &&Cell| {
        let alone = is_drawn(symbol) || is_drawn(cell.symbol());
        look(cell) == look(&cells[from]) && width(cell.symbol()) == 1 && (!alone || cell.symbol() == symbol)
    };
    cells[from..].iter().take_while(same).count().max(1)
}

fn look(cell: &Cell) -> Look {
    let (mut ink, mut paper) = (colour(cell.fg).unwrap_or(INK.to_owned()), colour(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        let under = paper.unwrap_or(PAPER.to_owned());
        (ink, paper) = (under, Some(ink));
    }
    let is = |modifier| cell.modifier.contains(modifier);
    Look { ink, paper, is_bold: is(Modifier::BOLD), is_italic: is(Modifier::ITALIC) }
}

fn colour(colour: Color) -> Option<String> {
    let name = match colour {
        Color::Reset => return None,
        Color::Red => "#f2777a",
        Color::Green => "#8ec07c",
        Color::Yellow => "#e8c06a",
        Color::Blue => "#7aa2f7",
        Color::Cyan => "#5fc4c4",
        Color::DarkGray => "#7b828e",
        Color::Indexed(237) => "#343a46",
        other => panic!("the pictures have no colour {other}"),
    };
    Some(name.to_owned())
}

fn draw(out: &mut String, cells: &[Cell], column: usize, row: usize) {
    let look = look(&cells[0]);
    let (x, y) = (EDGE + column as f32 * WIDE, EDGE + row as f32 * HIGH);
    let wide = cells.len() as f32 * WIDE;
    if let Some(paper) = &look.paper {
        let _ =
            writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{HIGH}\" fill=\"{paper}\"/>");
    }
    // A wide letter leaves its second cell empty.
    let text: String = match width(cells[0].symbol()) {
        2.. => cells[0].symbol().to_owned(),
        _ => cells.iter().map(Cell::symbol).collect(),
    };
    if text.trim().is_empty() {
        return;
    }
    if is_drawn(cells[0].symbol()) {
        return shape(out, cells[0].symbol(), cells.len(), (x, y), &look.ink);
    }
    let text = text.trim_end();
    let wide = width(text) as f32 * WIDE;
    let bold = if look.is_bold { " font-weight=\"bold\"" } else { "" };
    let italic = if look.is_italic { " font-style=\"italic\"" } else { "" };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\" fill=\"{}\"{bold}{italic}>{escaped}</text>",
        y + 13.5,
        look.ink
    );
}

/// Draws lines and boxes, because those of a font may not meet.
fn shape(out: &mut String, symbol: &str, count: usize, (x, y): (f32, f32), ink: &str) {
    let (wide, middle, half) = (count as f32 * WIDE, y + HIGH / 2.0, x + WIDE / 2.0);
    let (right, bottom) = (x + wide, y + HIGH);
    let mut path = |d: String| {
        let _ = writeln!(out, "<path d=\"{d}\" stroke=\"{ink}\" fill=\"none\"/>");
    };
    match symbol {
        "─" => path(format!("M{x:.1} {middle:.1}H{right:.1}")),
        "│" => path(format!("M{half:.1} {y:.1}V{bottom:.1}")),
        "┌" => path(format!("M{half:.1} {bottom:.1}V{middle:.1}H{right:.1}")),
        "┐" => path(format!("M{x:.1} {middle:.1}H{half:.1}V{bottom:.1}")),
        "└" => path(format!("M{half:.1} {y:.1}V{middle:.1}H{right:.1}")),
        "┘" => path(format!("M{x:.1} {middle:.1}H{half:.1}V{y:.1}")),
        "█" | "░" => {
            let opacity = if symbol == "█" { 1.0 } else { 0.25 };
            let (top, high) = (y + 4.0, HIGH - 8.0);
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{high}\" fill=\"{ink}\" opacity=\"{opacity}\"/>"
            );
        }
        _ => {
            let fill = if symbol == "■" { ink } else { "none" };
            for at in 0..count {
                let left = x + at as f32 * WIDE + 1.2;
                let _ = writeln!(
                    out,
                    "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"6\" height=\"6\" fill=\"{fill}\" stroke=\"{ink}\"/>",
                    y + 6.0
                );
            }
        }
    }
}
