//! What runs beside the window and takes long, and how far it is.

use std::time::Duration;

use ferry_history::backup::Progress;

use crate::job;

/// The columns of a bar.
const BAR: u64 = 30;

/// What can run. Of each there is one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Sync,
    Backup,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Begun,
    At(Progress, Duration),
    Stopping,
    /// What came of it, with nothing in it that steers a terminal.
    Ended(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub work: Work,
    state: State,
}

/// What runs, and what has run last.
#[derive(Debug, Default)]
pub struct Jobs {
    pub all: Vec<Job>,
    pub selected: usize,
}

impl Job {
    pub fn is_running(&self) -> bool {
        !matches!(self.state, State::Ended(_))
    }

    pub fn title(&self) -> &'static str {
        match self.work {
            Work::Sync => "Sync with your other devices",
            Work::Backup => "Backup",
        }
    }

    /// Returns how far it is, in lines.
    pub fn lines(&self) -> Vec<String> {
        match &self.state {
            State::Begun if self.work == Work::Sync => vec!["asking your other devices …".to_owned()],
            State::Begun => vec!["beginning …".to_owned()],
            State::Stopping => vec!["stopping …".to_owned()],
            State::Ended(words) => vec![words.clone()],
            State::At(progress, took) => {
                let Progress { done, total } = *progress;
                let filled = (done.saturating_mul(BAR)).checked_div(total).unwrap_or_default().min(BAR);
                let bar: String = (0..BAR).map(|at| if at < filled { '█' } else { '░' }).collect();
                let pace = job::Pace::of(*progress, *took);
                let words = format!("{done} of {total}, {:.0} a second, {} left", pace.rate, time(pace.left));
                vec![bar, words]
            }
        }
    }

    /// Returns `sync 26%`.
    fn short(&self) -> String {
        let name = match self.work {
            Work::Sync => "sync",
            Work::Backup => "backup",
        };
        match &self.state {
            State::At(Progress { done, total }, _) if *total > 0 => {
                format!("{name} {}%", (done.saturating_mul(100) / total).min(100))
            }
            _ => format!("{name} …"),
        }
    }
}

impl Jobs {
    /// Notes that a job has begun, and selects it.
    pub fn begin(&mut self, work: Work) {
        self.set(work, State::Begun);
        self.selected = self.all.iter().position(|job| job.work == work).unwrap_or_default();
    }

    /// Notes how far a job is, also of one that nobody has begun here.
    pub fn at(&mut self, work: Work, progress: Progress, took: Duration) {
        if self.all.iter().all(|job| job.work != work || job.state != State::Stopping) {
            self.set(work, State::At(progress, took));
        }
    }

    /// Notes what came of a job. One that nobody saw begin is not shown.
    pub fn end(&mut self, work: Work, words: &str) {
        if self.all.iter().any(|job| job.work == work) {
            self.set(work, State::Ended(crate::show::line(words)));
        }
    }

    /// Returns the selected job if it runs, and notes that it shall end.
    pub fn stop(&mut self) -> Option<Work> {
        let job = self.all.get_mut(self.selected).filter(|job| job.is_running())?;
        job.state = State::Stopping;
        Some(job.work)
    }

    pub fn is_running(&self, work: Work) -> bool {
        self.all.iter().any(|job| job.work == work && job.is_running())
    }

    fn set(&mut self, work: Work, state: State) {
        match self.all.iter_mut().find(|job| job.work == work) {
            Some(job) => job.state = state,
            None => self.all.push(Job { work, state }),
        }
    }

    /// Returns what runs, in a few words.
    pub fn short(&self) -> Option<String> {
        let running: Vec<String> = self.all.iter().filter(|job| job.is_running()).map(Job::short).collect();
        (!running.is_empty()).then(|| running.join(", "))
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_says_how_far_it_is() {
        let mut jobs = Jobs::default();
        jobs.begin(Work::Backup);
        assert_eq!(jobs.short().as_deref(), Some("backup …"));
        jobs.at(Work::Backup, Progress { done: 1_000, total: 4_000 }, Duration::from_secs(10));
        assert_eq!(jobs.short().as_deref(), Some("backup 25%"));
        let bar = format!("{}{}", "█".repeat(7), "░".repeat(23));
        assert_eq!(jobs.all[0].lines(), [bar, "1000 of 4000, 100 a second, 30 s left".to_owned()]);
        jobs.at(Work::Sync, Progress { done: 5, total: 0 }, Duration::ZERO);
        assert_eq!(jobs.short().as_deref(), Some("backup 25%, sync …"));
        assert_eq!(jobs.stop(), Some(Work::Backup));
        // What it says on its way out is no news.
        jobs.at(Work::Backup, Progress { done: 2_000, total: 4_000 }, Duration::from_secs(11));
        assert_eq!(jobs.all[0].lines(), ["stopping …"]);
        jobs.end(Work::Backup, "interrupted");
        assert_eq!((jobs.stop(), jobs.all[0].lines()), (None, vec!["interrupted".to_owned()]));
        assert_eq!([90.0, 600.0, 9_000.0].map(time), ["90 s", "10 min", "2 h"]);
    }
}
