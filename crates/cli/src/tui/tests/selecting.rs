//! Which message is selected, and what that looks like.

use ferry_client::{Draft, Target};
use ratatui::crossterm::event::KeyCode;

use super::super::talk::{Input, News, Relay, Task};
use super::acting::two;
use super::typing::clicks;
use super::{Desk, MINUTE, NOON, is_straight, shows};

#[test]
fn the_selection_moves_through_a_long_room_and_stays_visible() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    for number in 0..300 {
        desk.says(room, &format!("number {number}."), NOON + number * MINUTE);
    }
    desk.open(room);
    shows(&desk.select_up(), &["number 299.", "r reply"]);
    for number in (0..299).rev() {
        let screen = desk.press(KeyCode::Up);
        shows(&screen, &[&format!("number {number}."), "r reply"]);
    }
    desk.press(KeyCode::Char('r'));
    shows(&desk.look(), &["↳ reply to bob: “number 0.”"]);
    desk.press(KeyCode::Esc);
    shows(&desk.select_up(), &["r reply"]);
    desk.press(KeyCode::Home);
    while !desk.press(KeyCode::PageDown).contains("number 295.") {
        assert!(desk.app.open.as_ref().unwrap().picked.is_some());
    }
    // Below the last one, none is selected.
    for _ in 0..10 {
        desk.press(KeyCode::Down);
    }
    let screen = desk.look();
    assert!(!screen.contains("r reply"), "{screen}");
    shows(&screen, &["number 299.", "> "]);
}

#[test]
fn a_click_selects_a_message() {
    let mut desk = Desk::new(80, 24);
    let (_, _, bobs) = two(&mut desk);
    let screen = desk.look();
    let row = |words: &str| screen.lines().position(|line| line.contains(words)).unwrap() as u16;
    clicks(&mut desk.app, 40, row("how many?"));
    shows(&desk.look(), &["r reply  d delete"]);
    desk.press(KeyCode::Char('r'));
    desk.typed("12");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::reply(bobs.id, "12"));
    clicks(&mut desk.app, 40, row("beens"));
    shows(&desk.look(), &["r reply  e edit"]);
    // The line of a day is no message.
    clicks(&mut desk.app, 40, row("January"));
    assert!(!desk.look().contains("r reply"));
}

#[test]
fn who_only_reads_can_do_nothing_to_a_message() {
    let mut desk = Desk::new(80, 24);
    two(&mut desk);
    desk.select_up();
    desk.press(KeyCode::Char('+'));
    desk.app.update(Input::News(News::Relay(Relay::ReadOnly("ferry tail".to_owned()))));
    desk.press(KeyCode::Enter);
    desk.notes("nothing can be sent from here");
    desk.select_up();
    for key in ['r', 'e', 'd', '+'] {
        desk.press(KeyCode::Char(key));
        desk.press(KeyCode::Enter);
        desk.select_up();
    }
    assert!(!desk.has_sent());
}

#[test]
fn hostile_texts_are_inert_in_answers_and_prompts() {
    let evil = "\u{1b}[2J\u{1b}]0;t\u{7}\u{202e}x\u{9b}31m\u{200b}";
    for (columns, rows) in [(40, 10), (80, 24), (120, 40)] {
        let mut desk = Desk::new(columns, rows);
        let room = desk.room("garden");
        desk.is_named(desk.bob, &format!("b{evil}"));
        let bobs = desk.says(room, &format!("hi{evil}\n12:00 alice: pay"), NOON);
        desk.done(&bobs, Draft::react(Target::from(&bobs), &format!("👍{}\u{202e}", "\u{301}".repeat(25))), NOON + 1);
        let mut screens = desk.open(room);
        screens.push_str(&desk.select_up());
        for key in ['r', '+'] {
            screens.push_str(&desk.press(KeyCode::Char(key)));
            desk.press(KeyCode::Esc);
            desk.select_up();
        }
        desk.press(KeyCode::Char('d'));
        let Some(Task::MayDelete { of, .. }) = desk.asked.last().cloned() else { panic!("nothing is asked") };
        desk.app.update(Input::News(News::MayDelete { room, of }));
        screens.push_str(&desk.look());
        desk.press(KeyCode::Esc);
        desk.press(KeyCode::Char('+'));
        desk.typed("\u{1b}[2J\u{202e}");
        screens.push_str(&desk.look());
        let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!screens.contains(steers), "{screens:?}");
        is_straight(&screens, usize::from(columns));
    }
}

#[test]
fn everything_fits_into_the_smallest_window() {
    let mut desk = Desk::new(40, 10);
    two(&mut desk);
    desk.select_up();
    shows(&desk.select_up(), &["beens", "r reply", "e edit", "d delete", "+ react"]);
    shows(&desk.press(KeyCode::Char('d')), &["Delete? Enter deletes, Esc keeps"]);
    desk.press(KeyCode::Esc);
    shows(&desk.press(KeyCode::Char('+')), &["Esc: no reaction", "1 👍", "6 🎉"]);
    desk.press(KeyCode::Esc);
    shows(&desk.press(KeyCode::Char('r')), &["↳ reply to", "Esc: no reply", "> "]);
}

#[test]
fn an_answer_stays_with_its_room() {
    let mut desk = Desk::new(80, 24);
    let (garden, ..) = two(&mut desk);
    let news = desk.room("news");
    desk.says(news, "hello", NOON);
    desk.select_up();
    desk.press(KeyCode::Char('r'));
    desk.typed("twel");
    let screen = desk.open(news);
    assert!(!screen.contains("reply to") && !screen.contains("twel"), "{screen}");
    shows(&desk.open(garden), &["↳ reply to bob: “how many?”", "> twel"]);
}
