//! `Temporal` objects as their `toString()` writes them, in ISO 8601.

use v8_heap::objects::temporal::{Date, Duration, Temporal, Time};

use super::number::civil;

const SECOND: u128 = 1_000_000_000;

/// The value as text. Of a `ZonedDateTime` the name of the time zone is left out, which is not in the heap; of another calendar
/// than that of ISO 8601, the date is given in this one all the same.
pub(super) fn text(value: &Temporal) -> String {
    match value {
        Temporal::Instant(nanoseconds) => format!("{}Z", instant(*nanoseconds)),
        Temporal::PlainDate(date) => self::date(date) + calendar(date),
        Temporal::PlainTime(time) => self::time(time),
        Temporal::PlainDateTime(date, time) => {
            format!("{}T{}{}", self::date(date), self::time(time), calendar(date))
        }
        Temporal::PlainYearMonth(date) => {
            format!("{}-{:02}{}", year(i64::from(date.year)), date.month, calendar(date))
        }
        Temporal::PlainMonthDay(date) => format!("{:02}-{:02}{}", date.month, date.day, calendar(date)),
        Temporal::Duration(duration) => self::duration(duration),
        Temporal::ZonedDateTime { nanoseconds, offset, is_offset } => {
            let local = instant(nanoseconds.saturating_add(i128::from(*offset)));
            let offset = self::offset(*offset);
            if *is_offset { format!("{local}{offset}[{offset}]") } else { format!("{local}{offset}") }
        }
    }
}

fn calendar(date: &Date) -> &'static str {
    match date.is_iso {
        Some(false) => " (in another calendar)",
        _ => "",
    }
}

fn year(year: i64) -> String {
    match year {
        0..=9999 => format!("{year:04}"),
        ..0 => format!("-{:06}", -year),
        _ => format!("+{year:06}"),
    }
}

fn date(date: &Date) -> String {
    format!("{}-{:02}-{:02}", year(i64::from(date.year)), date.month, date.day)
}

fn time(time: &Time) -> String {
    let fraction = fraction(u128::from(time.nanosecond));
    format!("{:02}:{:02}:{:02}{fraction}", time.hour, time.minute, time.second)
}

/// `.5` for 500,000,000; nothing for 0.
fn fraction(nanoseconds: u128) -> String {
    if nanoseconds == 0 {
        return String::new();
    }
    format!(".{nanoseconds:09}").trim_end_matches('0').to_owned()
}

fn instant(nanoseconds: i128) -> String {
    const DAY: i128 = 86_400 * SECOND as i128;
    let days = i64::try_from(nanoseconds.div_euclid(DAY)).unwrap_or(i64::MAX / (1 << 20));
    let in_day = nanoseconds.rem_euclid(DAY) as u128;
    // Far beyond what `Temporal` allows, the day is as good as any other.
    let (year, month, day) = civil(days.clamp(-1 << 40, 1 << 40));
    let seconds = in_day / SECOND;
    format!(
        "{}-{month:02}-{day:02}T{:02}:{:02}:{:02}{}",
        self::year(year),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        fraction(in_day % SECOND)
    )
}

/// `+01:00`
fn offset(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { '-' } else { '+' };
    let magnitude = u128::from(nanoseconds.unsigned_abs());
    let (minutes, rest) = (magnitude / (60 * SECOND), magnitude % (60 * SECOND));
    let mut text = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    if rest > 0 {
        text += &format!(":{:02}{}", rest / SECOND, fraction(rest % SECOND));
    }
    text
}

fn duration(duration: &Duration) -> String {
    let [years, months, weeks, days, hours, minutes] = duration.parts;
    let mut text = String::from(if duration.is_negative { "-P" } else { "P" });
    let begun = text.len();
    for (count, unit) in [(years, 'Y'), (months, 'M'), (weeks, 'W'), (days, 'D')] {
        if count > 0 {
            text += &format!("{count}{unit}");
        }
    }
    let mut of_day = String::new();
    for (count, unit) in [(hours, 'H'), (minutes, 'M')] {
        if count > 0 {
            of_day += &format!("{count}{unit}");
        }
    }
    let is_empty = text.len() == begun && of_day.is_empty();
    if duration.nanoseconds > 0 || is_empty {
        of_day += &format!("{}{}S", duration.nanoseconds / SECOND, fraction(duration.nanoseconds % SECOND));
    }
    if !of_day.is_empty() {
        text.push('T');
        text += &of_day;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected texts are those that `toString()` gives in a running program.
    #[test]
    fn values_read_as_programs_write_them() {
        let nanoseconds = 1_795_633_200_123_456_789;
        assert_eq!(text(&Temporal::Instant(nanoseconds)), "2026-11-25T19:00:00.123456789Z");
        assert_eq!(text(&Temporal::Instant(-1)), "1969-12-31T23:59:59.999999999Z");
        let is_iso = Some(true);
        let far = Date { year: -271_821, month: 4, day: 19, is_iso };
        assert_eq!(text(&Temporal::PlainDate(far)), "-271821-04-19");
        let zoned = Temporal::ZonedDateTime {
            nanoseconds: 1_577_836_800_000_000_000 + 9_000_000_000_000,
            offset: -9_000_000_000_000,
            is_offset: true,
        };
        assert_eq!(text(&zoned), "2020-01-01T00:00:00-02:30[-02:30]");
    }

    #[test]
    fn durations_add_up_what_is_below_a_second() {
        let parts = [1, 2, 3, 4, 5, 6];
        let long = Duration { is_negative: false, parts, nanoseconds: 7_008_009_010 };
        assert_eq!(text(&Temporal::Duration(long)), "P1Y2M3W4DT5H6M7.00800901S");
        let none = Duration { is_negative: false, parts: [0; 6], nanoseconds: 0 };
        assert_eq!(text(&Temporal::Duration(none)), "PT0S");
        let past = Duration { is_negative: true, parts: [0, 0, 0, 0, 36, 0], nanoseconds: 0 };
        assert_eq!(text(&Temporal::Duration(past)), "-PT36H");
    }
}
