//! `Temporal` objects.
//!
//! Their values are Rust structures of the library `temporal_rs`, outside the heap, behind a `Managed` in the object's first
//! field (V8: `src/objects/js-temporal-objects.tq`). Rust lays them out as it likes, so that the offsets hold for the builds they
//! were checked on; what reads as no date or time is taken for unreadable.
//!
//! ```text
//!   Instant          +0 nanoseconds since 1970, i128
//!   PlainDate        +0 address of the kind of calendar, u8   +8 year, i32   +12 month, u8   +13 day, u8
//!   PlainTime        +0 milli-, +2 micro-, +4 nanosecond, u16 each   +6 hour  +7 minute  +8 second, u8 each
//!   PlainDateTime    a PlainDate, +16 a PlainTime
//!   PlainYearMonth   as PlainDate                              PlainMonthDay  as PlainDate
//!   Duration         +0 micro-, +16 nanoseconds, i128   +32 days  +40 hours  +48 minutes  +56 seconds  +64 milliseconds, u64 each
//!                    +72 years  +76 months  +80 weeks, u32 each   +84 sign, i8
//!   ZonedDateTime    an Instant  +16 1: the zone is an offset  +48 nanoseconds from UTC, i64
//! ```

use crate::Result;
use crate::layout::Fields;
use crate::layout::native::temporal::{self as native, date, duration, time, zoned};
use crate::objects::value::HeapObject;
use crate::view::View;

/// The kind of calendar of ISO 8601 (`AnyCalendarKind::Iso`).
const ISO_CALENDAR: u8 = 11;

/// A date of ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// The year.
    pub year: i32,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
    /// Whether programs see it in the calendar of ISO 8601; `None` if the core does not hold what tells it.
    pub is_iso: Option<bool>,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// 0 to 23
    pub hour: u8,
    /// 0 to 59
    pub minute: u8,
    /// 0 to 59
    pub second: u8,
    /// 0 to 999,999,999
    pub nanosecond: u32,
}

/// A length of time; all parts have the same sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// It leads to the past.
    pub is_negative: bool,
    /// Years, months, weeks, days, hours, minutes, as magnitudes.
    pub parts: [u64; 6],
    /// Everything from seconds down, in nanoseconds, as a magnitude.
    pub nanoseconds: u128,
}

/// The value of a `Temporal` object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporal {
    /// Nanoseconds since 1970.
    Instant(i128),
    /// A date.
    PlainDate(Date),
    /// A time of day.
    PlainTime(Time),
    /// Both.
    PlainDateTime(Date, Time),
    /// A month, with the day that V8 completes it with.
    PlainYearMonth(Date),
    /// A day, with the year that V8 completes it with.
    PlainMonthDay(Date),
    /// A length of time.
    Duration(Duration),
    /// Nanoseconds since 1970, and the nanoseconds that the local time is ahead of UTC.
    ZonedDateTime {
        /// Since 1970.
        nanoseconds: i128,
        /// Ahead of UTC.
        offset: i64,
        /// The time zone is no more than that.
        is_offset: bool,
    },
}

/// Where an object of the class `JSTemporal...` has its value, in versions that keep it outside the heap.
pub(crate) fn native_field(fields: &Fields, class: &str) -> Option<u64> {
    match class {
        "Instant" => fields.temporal_instant,
        "PlainDate" => fields.temporal_plain_date,
        "PlainYearMonth" => fields.temporal_year_month,
        "PlainMonthDay" => fields.temporal_month_day,
        "PlainTime" => fields.temporal_plain_time,
        "PlainDateTime" => fields.temporal_plain_date_time,
        "Duration" => fields.temporal_duration,
        "ZonedDateTime" => fields.temporal_zoned_date_time,
        _ => None,
    }
}

impl View<'_> {
    /// The value of a `Temporal` object; `None` if it is none, or its value is not where it is known to be.
    pub fn temporal(&self, object: HeapObject<'_>) -> Option<Temporal> {
        let class = self.class_name(object.value()).strip_prefix("JSTemporal")?;
        let foreign =
            self.words().tagged(object.address + native_field(self.fields(), class)?, "Temporal").ok()?;
        let at = self.managed(foreign)?;
        self.temporal_at(class, at).ok()?
    }

    fn temporal_at(&self, class: &str, at: u64) -> Result<Option<Temporal>> {
        Ok(match class {
            "Instant" => Some(Temporal::Instant(self.wide(at)?)),
            "PlainDate" => self.temporal_date(at)?.map(Temporal::PlainDate),
            "PlainYearMonth" => self.temporal_date(at)?.map(Temporal::PlainYearMonth),
            "PlainMonthDay" => self.temporal_date(at)?.map(Temporal::PlainMonthDay),
            "PlainTime" => self.temporal_time(at)?.map(Temporal::PlainTime),
            "PlainDateTime" => self
                .temporal_date(at)?
                .zip(self.temporal_time(at + native::TIME_OF_DATE_TIME)?)
                .map(|(date, time)| Temporal::PlainDateTime(date, time)),
            "Duration" => self.temporal_duration(at)?.map(Temporal::Duration),
            "ZonedDateTime" => {
                let words = self.words();
                let offset = words.word(at + zoned::OFFSET, "offset of a time zone")? as i64;
                let is_offset = words.bytes::<1>(at + zoned::IS_OFFSET, "time zone")?[0];
                let is_sane = offset.unsigned_abs() < 86_400_000_000_000 && is_offset <= 1;
                is_sane.then_some(Temporal::ZonedDateTime {
                    nanoseconds: self.wide(at)?,
                    offset,
                    is_offset: is_offset == 1,
                })
            }
            _ => None,
        })
    }

    fn wide(&self, at: u64) -> Result<i128> {
        Ok(i128::from_le_bytes(self.words().bytes::<16>(at, "Temporal")?))
    }

    fn temporal_date(&self, at: u64) -> Result<Option<Date>> {
        let words = self.words();
        let year = words.word32(at + date::YEAR, "year")? as i32;
        let [month, day] = words.bytes::<2>(at + date::MONTH_DAY, "day")?;
        let calendar = words.word(at + date::CALENDAR, "calendar")?;
        let is_iso = words.bytes::<1>(calendar, "kind of calendar").ok().map(|kind| kind[0] == ISO_CALENDAR);
        let is_sane =
            (-300_000..=300_000).contains(&year) && matches!(month, 1..=12) && matches!(day, 1..=31);
        Ok(is_sane.then_some(Date { year, month, day, is_iso }))
    }

    fn temporal_time(&self, at: u64) -> Result<Option<Time>> {
        let words = self.words();
        let half = |at: u64| words.word16(at, "part of a second").map(u32::from);
        let (milli, micro, nano) =
            (half(at + time::MILLISECOND)?, half(at + time::MICROSECOND)?, half(at + time::NANOSECOND)?);
        let [hour, minute, second] = words.bytes::<3>(at + time::HOUR_MINUTE_SECOND, "time")?;
        let is_sane = hour < 24 && minute < 60 && second < 60 && milli < 1000 && micro < 1000 && nano < 1000;
        let nanosecond = milli * 1_000_000 + micro * 1000 + nano;
        Ok(is_sane.then_some(Time { hour, minute, second, nanosecond }))
    }

    fn temporal_duration(&self, at: u64) -> Result<Option<Duration>> {
        let words = self.words();
        let long = |at: u64| words.word(at, "Duration");
        let short = |at: u64| words.word32(at, "Duration").map(u64::from);
        let (micro, nano) = (self.wide(at + duration::MICROSECONDS)?, self.wide(at + duration::NANOSECONDS)?);
        let sign = words.bytes::<1>(at + duration::SIGN, "sign of a Duration")?[0] as i8;
        let (Ok(micro), Ok(nano)) = (u128::try_from(micro), u128::try_from(nano)) else { return Ok(None) };
        let parts = [
            short(at + duration::YEARS)?,
            short(at + duration::MONTHS)?,
            short(at + duration::WEEKS)?,
            long(at + duration::DAYS)?,
            long(at + duration::HOURS)?,
            long(at + duration::MINUTES)?,
        ];
        let (seconds, milli) =
            (u128::from(long(at + duration::SECONDS)?), u128::from(long(at + duration::MILLISECONDS)?));
        let is_sane = (-1..=1).contains(&sign) && micro < 1 << 80 && nano < 1 << 90;
        Ok(is_sane.then_some(Duration {
            is_negative: sign < 0,
            parts,
            nanoseconds: seconds * 1_000_000_000 + milli * 1_000_000 + micro * 1000 + nano,
        }))
    }
}
