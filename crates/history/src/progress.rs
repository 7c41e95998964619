//! How far a job is that takes long.

/// How far a job is, in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many are done.
    pub done: u64,
    /// How many there are in all.
    pub total: u64,
}

/// Is told how far a job is, now and then. If it returns false, the job ends with
/// [`Interrupted`](crate::HistoryError::Interrupted).
pub type Watch<'a> = dyn FnMut(Progress) -> bool + 'a;

/// Tells a watch of every thousandth record.
pub(crate) struct Ticker<'a, 'b> {
    watch: &'a mut Watch<'b>,
    now: Progress,
}

impl<'a, 'b> Ticker<'a, 'b> {
    pub(crate) fn new(watch: &'a mut Watch<'b>, total: u64) -> Self {
        Self { watch, now: Progress { done: 0, total } }
    }

    /// Notes how many records there are in all, if that is not known yet.
    pub(crate) fn expect(&mut self, total: u64) {
        if self.now.total == 0 {
            self.now.total = total;
        }
    }

    /// Returns the watch, for a job within this one.
    pub(crate) fn watch(&mut self) -> &mut Watch<'b> {
        self.watch
    }

    /// Asks the watch whether to go on, without progress.
    pub(crate) fn look(&mut self) -> crate::Result<()> {
        if (self.watch)(self.now) { Ok(()) } else { Err(crate::HistoryError::Interrupted) }
    }

    pub(crate) fn done(&mut self, more: u64) -> crate::Result<()> {
        let before = self.now.done;
        self.now.done += more;
        // The last one is told too, so that a bar ends full.
        let is_due = before / 1_000 != self.now.done / 1_000 || self.now.done == self.now.total;
        match is_due && !(self.watch)(self.now) {
            true => Err(crate::HistoryError::Interrupted),
            false => Ok(()),
        }
    }
}
