/** What thirty days add up to. */
import type { DayLine } from './queries';

export interface Totals {
  sent: number;
  errors: number;
  /** sent / (sent + errors) in per cent; null where nothing was sent. */
  successRate: number | null;
  today: number;
  /** The day with most sends; null where there is none. */
  busiest: DayLine | null;
}

export function totalsOf(days: readonly DayLine[]): Totals {
  let sent = 0;
  let errors = 0;
  let busiest: DayLine | null = null;
  for (const day of days) {
    sent += day.sent;
    errors += day.errors;
    if (day.sent > (busiest?.sent ?? 0)) busiest = day;
  }
  return {
    sent,
    errors,
    successRate: sent + errors === 0 ? null : (100 * sent) / (sent + errors),
    today: days.at(-1)?.sent ?? 0,
    busiest,
  };
}

/** A day of the tenant's calendar as the reader's: `2026-01-14` is no instant and has no time zone. */
export function dayDate(day: string): Date {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date);
}
