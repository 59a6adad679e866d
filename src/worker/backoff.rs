//! How long to wait before trying again.

use chrono::TimeDelta;

/// The longest wait between two tries of a removal: it is never given up, so it must not drift off
/// into hours either.
const CAP_SECONDS: i64 = 60;

/// The wait after that many failed tries: 1 s, 2 s, 4 s … 60 s.
pub(super) fn after(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.max(1) - 1)
        .unwrap_or(u32::MAX)
        .min(6);
    TimeDelta::seconds((1i64 << doublings).min(CAP_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stay_under_a_minute() {
        let seconds: Vec<i64> = (0..9).map(|n| after(n).num_seconds()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(after(i32::MAX).num_seconds(), 60);
    }
}
