//! The cost of processes: CPU by proc_pid_stat(5), memory by proc_pid_smaps(5).

use std::{fs, time::Instant};

/// The unit of CPU times: the kernel reports them in hundredths of a second (`USER_HZ`), whatever
/// it counts in internally.
const TICKS_A_SECOND: f64 = 100.0;

/// Processes that are counted together.
#[derive(Debug, Clone)]
pub struct Group {
    /// The name in tables.
    pub name: &'static str,
    /// The ids of the processes.
    pub ids: Vec<u32>,
}

/// The name of the load generator's own group.
pub const GENERATOR: &str = "generator";

/// Returns the group of this process.
pub fn generator() -> Group {
    Group { name: GENERATOR, ids: vec![std::process::id()] }
}

/// The CPU times at a moment.
#[derive(Debug)]
pub struct Mark {
    at: Instant,
    ticks: Vec<(&'static str, Vec<(u32, u64)>)>,
}

impl Mark {
    /// Reads the CPU times now.
    pub fn now(groups: &[Group]) -> Self {
        let of =
            |group: &Group| (group.name, group.ids.iter().map(|&id| (id, ticks(id).unwrap_or_default())).collect());
        Self { at: Instant::now(), ticks: groups.iter().map(of).collect() }
    }

    /// Returns how much of one core each group has used since an earlier mark, in hundredths. A
    /// process that is new since then counts in full.
    pub fn cpu_since(&self, earlier: &Self) -> Vec<(&'static str, f64)> {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        let of = |(name, now): &(&'static str, Vec<(u32, u64)>)| {
            let before = earlier.ticks.iter().find(|(other, _)| other == name).map_or(&[][..], |(_, before)| before);
            let before = |id| before.iter().find(|&&(other, _)| other == id).map_or(0, |&(_, ticks)| ticks);
            let used: u64 = now.iter().map(|&(id, ticks)| ticks.saturating_sub(before(id))).sum();
            (*name, used as f64 / TICKS_A_SECOND / seconds * 100.0)
        };
        self.ticks.iter().map(of).collect()
    }
}

fn ticks(id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is a name in parentheses, which may contain anything. utime and stime are
    // the 14th and 15th.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// The memory of a group, in bytes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Memory {
    /// The resident memory.
    pub rss: u64,
    /// The resident memory, with shared memory divided among the processes that share it.
    pub pss: u64,
}

impl Group {
    /// Returns the group's memory.
    pub fn memory(&self) -> Memory {
        self.ids
            .iter()
            .filter_map(|&id| memory(id))
            .fold(Memory::default(), |sum, of| Memory { rss: sum.rss + of.rss, pss: sum.pss + of.pss })
    }
}

fn memory(id: u32) -> Option<Memory> {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    Some(Memory { rss: field("Rss:")?, pss: field("Pss:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_cpu() {
        let group = [generator()];
        let Memory { rss, pss } = group[0].memory();
        assert!(rss >= pss && pss > 0);
        let before = Mark::now(&group);
        while Mark::now(&group).ticks[0].1[0].1 == before.ticks[0].1[0].1 {
            std::hint::black_box(fs::read("/proc/self/stat").unwrap());
        }
        let used = Mark::now(&group).cpu_since(&before);
        assert!(used[0].0 == GENERATOR && used[0].1 > 0.0);
    }
}
