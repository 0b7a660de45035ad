/** Days and times of day as text, UTC. */

export const DAY_MS: i64 = 86_400_000;

/** A day since 1970-01-01 as `2015-07-15`. Years are counted from March, so that the leap day is the last. */
export function dayText(days: i64): string {
  const shifted = days + 719468;
  const era = shifted / 146097;
  const dayOfEra = shifted % 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const fromMarch = (5 * dayOfYear + 2) / 153;
  const day = dayOfYear - (153 * fromMarch + 2) / 5 + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return year.toString() + '-' + padded(month, 2) + '-' + padded(day, 2);
}

/** A time in ms as `23:59`. */
export function minuteText(timeMs: i64): string {
  const minutes = timeMs / 60_000;
  return padded((minutes / 60) % 24, 2) + ':' + padded(minutes % 60, 2);
}

export function padded(value: i64, digits: i32): string {
  return value.toString().padStart(digits, '0');
}
