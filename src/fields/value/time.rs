//! Times as values: durations in seconds, and points in time in the notation of RFC 3339.

use std::time::{Duration, SystemTime};

use super::{ToValue, Value};

/// Seconds, as a floating-point number.
impl ToValue for Duration {
    fn to_value(&self) -> Value {
        self.as_secs_f64().into()
    }
}

/// UTC in the notation of RFC 3339, such as `2026-11-27T08:15:00.250Z`: without a fraction if it is zero, otherwise with three, six
/// or nine digits. Years beyond 0000 to 9999, which have no such notation, are shown as `Debug` shows the time.
impl ToValue for SystemTime {
    fn to_value(&self) -> Value {
        match rfc_3339(*self) {
            Some(text) => text.into(),
            None => format!("{self:?}").into(),
        }
    }
}

const DAY: i128 = 86_400;

fn rfc_3339(time: SystemTime) -> Option<String> {
    let (seconds, nanos) = unix_time(time);
    let (year, month, day) = civil_date(i64::try_from(seconds.div_euclid(DAY)).ok()?);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = match nanos {
        0 => String::new(),
        _ if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
}

/// Returns the whole seconds since 1970, rounded down, and the nanoseconds beyond them.
fn unix_time(time: SystemTime) -> (i128, u32) {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (i128::from(since.as_secs()), since.subsec_nanos()),
        Err(error) => {
            let before = error.duration();
            let seconds = -i128::from(before.as_secs());
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds - 1, 1_000_000_000 - nanos),
            }
        }
    }
}

/// Returns year, month and day of a day that is counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last day of a year, in eras of 400 years, which have the same
/// number of days.
fn civil_date(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    const FROM_0000_03_01: i64 = 719_468;

    let days = days.saturating_add(FROM_0000_03_01);
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March is month 0; five months have 153 days.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64, nanos: u32) -> Option<String> {
        let (epoch, nanos) = (SystemTime::UNIX_EPOCH, Duration::from_nanos(nanos.into()));
        let seconds = match u64::try_from(seconds) {
            Ok(after) => epoch + Duration::from_secs(after),
            Err(_) => epoch - Duration::from_secs(seconds.unsigned_abs()),
        };
        rfc_3339(seconds + nanos)
    }

    #[test]
    fn times_are_written_in_the_notation_of_rfc_3339() {
        // Taken from `date -u -d @… +%FT%TZ`.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(text(seconds, 0).as_deref(), Some(expected));
        }
        assert_eq!(text(253_402_300_800, 0), None);
        assert_eq!(text(-62_167_219_201, 0), None);
    }

    #[test]
    fn fractions_have_three_six_or_nine_digits() {
        assert_eq!(text(0, 250_000_000).unwrap(), "1970-01-01T00:00:00.250Z");
        assert_eq!(text(0, 1_000).unwrap(), "1970-01-01T00:00:00.000001Z");
        assert_eq!(text(0, 1).unwrap(), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(text(-1, 999_999_999).unwrap(), "1969-12-31T23:59:59.999999999Z");
    }
}
