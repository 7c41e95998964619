//! Jobs that take long: they show how far they are, and Ctrl-C ends them in order.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ferry_history::backup::Progress;
use serde_json::json;

use super::show;

/// How often a terminal is drawn, and how often a line is printed where there is none.
const DRAW: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(10);
/// How often a JSON event is printed.
const EVENT: Duration = Duration::from_secs(1);

/// Becomes true when the job shall end.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Waits for Ctrl-C or the signal to terminate, from now on.
    pub fn on_signal() -> Self {
        let stop = Self::default();
        let flag = stop.clone();
        tokio::spawn(async move {
            stopped().await;
            flag.set();
        });
        stop
    }

    /// Says that the job shall end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How fast a job is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Records a second.
    pub rate: f64,
    /// The seconds that are left.
    pub left: f64,
}

impl Pace {
    /// Returns the pace of a job that has taken so long.
    pub fn of(Progress { done, total }: Progress, took: Duration) -> Self {
        let rate = done as f64 / took.as_secs_f64().max(0.001);
        Self { rate, left: total.saturating_sub(done) as f64 / rate.max(1.0) }
    }
}

/// Is told how far a job is, and how long it has taken.
struct Tell(Box<dyn FnMut(Progress, Duration) + Send>);

impl std::fmt::Debug for Tell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tell")
    }
}

/// Shows on standard error how far a job is, or tells somebody.
#[derive(Debug)]
pub struct Meter {
    what: &'static str,
    form: Form,
    begin: Instant,
    last: Option<Instant>,
    is_drawn: bool,
    stop: Stop,
    tell: Option<Tell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bar,
    Lines,
    Json,
    Told,
    Silent,
}

impl Meter {
    pub fn new(what: &'static str, json: bool, stop: &Stop) -> Self {
        let form = match std::io::stderr().is_terminal() {
            _ if json => Form::Json,
            true => Form::Bar,
            false => Form::Lines,
        };
        Self { what, form, begin: Instant::now(), last: None, is_drawn: false, stop: stop.clone(), tell: None }
    }

    /// Creates one that shows nothing.
    pub fn silent() -> Self {
        let (begin, stop) = (Instant::now(), Stop::default());
        Self { what: "", form: Form::Silent, begin, last: None, is_drawn: false, stop, tell: None }
    }

    /// Creates one that calls `tell`, on the thread of the job, with how far it is and how long it
    /// has taken.
    pub fn telling(stop: &Stop, tell: impl FnMut(Progress, Duration) + Send + 'static) -> Self {
        let tell = Some(Tell(Box::new(tell)));
        Self { form: Form::Told, stop: stop.clone(), tell, ..Self::silent() }
    }

    /// Notes how far the job is. Returns false if it shall end.
    pub fn at(&mut self, progress: Progress) -> bool {
        let every = match self.form {
            Form::Bar | Form::Told => DRAW,
            Form::Lines => LINE,
            Form::Json => EVENT,
            Form::Silent => return !self.stop.is_set(),
        };
        // The first line comes when the first time is over, so that a short job prints none.
        if self.last.unwrap_or(self.begin).elapsed() >= every {
            self.last = Some(Instant::now());
            self.print(progress);
        }
        !self.stop.is_set()
    }

    fn print(&mut self, progress: Progress) {
        let took = self.begin.elapsed();
        if let Some(Tell(tell)) = &mut self.tell {
            return tell(progress, took);
        }
        self.is_drawn |= self.form == Form::Bar;
        let mut err = std::io::stderr().lock();
        // Nothing can be done about a standard error that is closed.
        let _ = err.write_all(self.words(progress, took).as_bytes());
        let _ = err.flush();
    }

    /// Returns how far the job is after a time, as it is written.
    fn words(&self, progress: Progress, took: Duration) -> String {
        let (Progress { done, total }, Pace { rate, left }) = (progress, Pace::of(progress, took));
        match self.form {
            Form::Silent | Form::Told => String::new(),
            Form::Bar => {
                let filled = (done * 30).checked_div(total).and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(30);
                let bar = format!("{}{}", "#".repeat(filled), "-".repeat(30 - filled));
                format!("\r\x1b[K{} [{bar}] {done} of {total}, {rate:.0}/s, {left:.0} s left", self.what)
            }
            Form::Lines => format!("ferry: {}: {done} of {total}, {rate:.0}/s, {left:.0} s left\n", self.what),
            Form::Json => {
                let event = json!({ "progress": {
                    "job": self.what, "done": done, "total": total, "per_second": rate.round(), "seconds_left": left.round(),
                } });
                format!("{}\n", show::json_line(&event))
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.is_drawn {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Waits for Ctrl-C or the signal to terminate.
pub async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(form: Form) -> Meter {
        let (begin, stop) = (Instant::now(), Stop::default());
        Meter { what: "restore", form, begin, last: None, is_drawn: false, stop, tell: None }
    }

    #[test]
    fn a_terminal_has_a_bar_a_file_lines_and_a_program_json() {
        let words = |form, done, total| meter(form).words(Progress { done, total }, Duration::from_secs(10));
        assert_eq!(
            words(Form::Bar, 5_000, 20_000),
            "\r\x1b[Krestore [#######-----------------------] 5000 of 20000, 500/s, 30 s left"
        );
        assert_eq!(words(Form::Lines, 5_000, 20_000), "ferry: restore: 5000 of 20000, 500/s, 30 s left\n");
        let event =
            r#"{"progress":{"done":5000,"job":"restore","per_second":500.0,"seconds_left":30.0,"total":20000}}"#;
        assert_eq!(words(Form::Json, 5_000, 20_000), format!("{event}\n"));
        assert_eq!(words(Form::Silent, 5_000, 20_000), "");
        // A job that does not know yet how much there is, and one that has more than it knew.
        assert!(words(Form::Bar, 0, 0).contains(&format!("[{}] 0 of 0,", "-".repeat(30))));
        assert!(words(Form::Bar, 3, 2).contains(&format!("[{}] 3 of 2, 0/s, 0 s left", "#".repeat(30))));
    }

    #[test]
    fn a_job_that_shall_end_is_told_so_in_every_form() {
        for form in [Form::Bar, Form::Lines, Form::Json, Form::Silent] {
            let mut meter = meter(form);
            assert!(meter.at(Progress { done: 1, total: 2 }));
            meter.stop.set();
            assert!(!meter.at(Progress { done: 2, total: 2 }));
        }
    }
}
