//! How fast a line goes on, learned of what was done.

use std::time::Duration;

/// Averages are exponential, over some so many pieces of work.
const PIECES: f64 = 16.0;

/// How fast those who serve a line work it off.
#[derive(Clone, Debug)]
pub struct Drain {
    /// How many work side by side.
    servers: f64,
    /// What a piece of work cost, and how many seconds it took, on average; nothing before the first.
    piece: Option<(f64, f64)>,
}

impl Drain {
    /// Of so many that work side by side. Nothing is known of them yet.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "servers are some thousands at most"
    )]
    pub fn new(servers: usize) -> Self {
        Self {
            servers: servers.max(1) as f64,
            piece: None,
        }
    }

    /// One of them did work of this cost in that time. What nobody stood in line for costs nothing,
    /// but takes time.
    pub fn done(&mut self, cost: u64, time: Duration) {
        let (cost, time) = (float(cost), time.as_secs_f64());
        self.piece = Some(match self.piece {
            None => (cost, time),
            Some((costs, times)) => (
                costs + (cost - costs) / PIECES,
                times + (time - times) / PIECES,
            ),
        });
    }

    /// How long work of this cost keeps them all busy; none while nothing is known.
    #[must_use]
    pub fn time_for(&self, cost: u64) -> Duration {
        /// More is no estimate any more.
        const LONGEST: f64 = 3600.0;
        match self.piece {
            Some((costs, times)) if 0.0 < costs => {
                let seconds = float(cost) / costs * times / self.servers;
                Duration::from_secs_f64(seconds.clamp(0.0, LONGEST))
            }
            Some(_) | None => Duration::ZERO,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
const fn float(cost: u64) -> f64 {
    cost as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_line_goes_on_as_fast_as_it_did() {
        let mut drain = Drain::new(2);
        assert_eq!(drain.time_for(1000), Duration::ZERO, "nothing is known");
        drain.done(10, 20 * MS);
        assert_eq!(drain.time_for(100), 100 * MS, "two work side by side");
        assert_eq!(drain.time_for(0), Duration::ZERO);
        for _ in 0..200 {
            drain.done(10, 40 * MS);
        }
        let slower = drain.time_for(100);
        assert!(199 * MS < slower && slower < 201 * MS, "{slower:?}");
    }

    #[test]
    fn work_beside_the_line_makes_it_slower() {
        let mut drain = Drain::new(1);
        for _ in 0..200 {
            drain.done(10, 10 * MS);
            drain.done(0, 10 * MS);
        }
        let time = drain.time_for(10);
        assert!(18 * MS < time && time < 22 * MS, "{time:?}");
        let mut idle = Drain::new(1);
        idle.done(0, MS);
        assert_eq!(idle.time_for(u64::MAX), Duration::ZERO);
    }
}
