//! What Ferry needs of the options of an nsqd: `nsq.conf` has them, and nsqd tells what it runs
//! with.

use std::{fmt, time::Duration};

use ferry_nsq::{Admin, AdminError};

/// The option that says what nsqd logs. At [`DEBUG`] it logs message bodies.
pub(super) const LOG_LEVEL: &str = "log_level";
/// nsqd's number of the level debug.
const DEBUG: u64 = 1;
/// The fewest messages that a topic or channel has to hold in memory. Inboxes of links have nowhere
/// else to put them.
const MEMORY: u64 = 64;
/// The longest time for which nsqd may hold a message back to write it with others.
const HELD_BACK: Duration = Duration::from_millis(10);

/// The options that are looked at, as the metrics name them.
pub const OPTIONS: [&str; 8] = [
    LOG_LEVEL,
    "max_channel_consumers",
    "mem_queue_size",
    "max_msg_size",
    "max_msg_timeout",
    "max_heartbeat_interval",
    "max_rdy_count",
    "output_buffer_timeout",
];

/// What this relay needs.
#[derive(Debug, Clone, Copy)]
pub struct Demands {
    /// The largest message that it publishes, in bytes.
    pub message: usize,
    /// The message timeout that it asks for.
    pub msg_timeout: Duration,
    /// The heartbeat that it asks for.
    pub heartbeat: Duration,
    /// The window of a subscription.
    pub window: u32,
}

/// An option that is not as Ferry needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Its name in `nsq.conf`.
    pub option: &'static str,
    /// What nsqd runs with.
    pub found: String,
    /// What Ferry needs.
    pub wanted: String,
}

impl Misfit {
    /// Returns whether nsqd logs message bodies because of it.
    #[must_use]
    pub fn logs_bodies(&self) -> bool {
        self.option == LOG_LEVEL
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, and must be {}", self.option, self.found, self.wanted)
    }
}

#[derive(Clone, Copy)]
enum Need {
    Exactly(u64),
    AtLeast(u64),
    AtMost(u64),
}

impl Demands {
    fn need(&self, option: &str) -> Option<Need> {
        Some(match option {
            LOG_LEVEL => Need::AtLeast(DEBUG + 1),
            "max_channel_consumers" => Need::Exactly(1),
            "mem_queue_size" => Need::AtLeast(MEMORY),
            "max_msg_size" => Need::AtLeast(self.message as u64),
            "max_msg_timeout" => Need::AtLeast(nanos(self.msg_timeout)),
            "max_heartbeat_interval" => Need::AtLeast(nanos(self.heartbeat)),
            "max_rdy_count" => Need::AtLeast(self.window.into()),
            "output_buffer_timeout" => Need::AtMost(nanos(HELD_BACK)),
            _ => return None,
        })
    }

    /// Returns what is wrong with an option. nsqd tells times in nanoseconds, and what is no number
    /// is wrong.
    fn misfit(&self, option: &'static str, found: &str) -> Option<Misfit> {
        let need = self.need(option)?;
        let number = found.trim().parse::<u64>().ok();
        let fits = number.is_some_and(|number| match need {
            Need::Exactly(wanted) => number == wanted,
            Need::AtLeast(wanted) => number >= wanted,
            Need::AtMost(wanted) => number <= wanted,
        });
        let text = |number: u64| in_words(option, number);
        let wanted = match need {
            _ if option == LOG_LEVEL => "info or above".to_owned(),
            Need::Exactly(wanted) => text(wanted),
            Need::AtLeast(wanted) => format!("at least {}", text(wanted)),
            Need::AtMost(wanted) => format!("at most {}", text(wanted)),
        };
        let found = number.map_or_else(|| "no number".to_owned(), text);
        (!fits).then_some(Misfit { option, found, wanted })
    }

    /// Asks nsqd for its options, and returns those that are not as they must be.
    pub(super) async fn look(&self, admin: &Admin) -> Result<Vec<Misfit>, AdminError> {
        let mut misfits = Vec::new();
        for option in OPTIONS {
            match admin.option(option).await {
                Ok(found) => misfits.extend(self.misfit(option, &found)),
                // An nsqd of another version: what it does not have cannot be wrong.
                Err(AdminError::Refused { status: 400 | 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(misfits)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn in_words(option: &str, number: u64) -> String {
    match option {
        LOG_LEVEL => match number {
            1 => "debug".to_owned(),
            2 => "info".to_owned(),
            3 => "warn".to_owned(),
            number => number.to_string(),
        },
        option if option.ends_with("_timeout") || option.ends_with("_interval") => {
            format!("{:?}", Duration::from_nanos(number))
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMANDS: Demands = Demands {
        message: 70_000,
        msg_timeout: Duration::from_secs(8),
        heartbeat: Duration::from_secs(30),
        window: 64,
    };

    #[test]
    fn what_nsq_conf_has_fits_and_what_nsqd_has_by_itself_does_not() {
        let as_in_file = [
            ("log_level", "3"),
            ("max_channel_consumers", "1"),
            ("mem_queue_size", "64"),
            ("max_msg_size", "131072"),
            ("max_msg_timeout", "900000000000"),
            ("max_heartbeat_interval", "60000000000"),
            ("max_rdy_count", "1024"),
            ("output_buffer_timeout", "100000"),
        ];
        for (option, found) in as_in_file {
            assert_eq!(DEMANDS.misfit(option, found), None, "{option}");
        }
        let said = |option, found: &str| DEMANDS.misfit(option, found).map(|misfit| misfit.to_string());
        for (option, found, text) in [
            ("log_level", "1", "log_level is debug, and must be info or above"),
            ("max_channel_consumers", "0", "max_channel_consumers is 0, and must be 1"),
            ("mem_queue_size", "8", "mem_queue_size is 8, and must be at least 64"),
            ("max_msg_size", "1024", "max_msg_size is 1024, and must be at least 70000"),
            ("max_msg_timeout", "1000000000", "max_msg_timeout is 1s, and must be at least 8s"),
            ("max_heartbeat_interval", "5000000000", "max_heartbeat_interval is 5s, and must be at least 30s"),
            ("max_rdy_count", "63", "max_rdy_count is 63, and must be at least 64"),
            ("output_buffer_timeout", "250000000", "output_buffer_timeout is 250ms, and must be at most 10ms"),
            ("max_rdy_count", "canary", "max_rdy_count is no number, and must be at least 64"),
        ] {
            assert_eq!(said(option, found).as_deref(), Some(text));
        }
        assert_eq!(as_in_file.map(|(option, _)| option), OPTIONS);
    }
}
