import { expect, it } from 'vitest';
import type { DayLine } from './queries';
import { dayDate, totalsOf } from './totals';

const day = (date: string, sent: number, errors: number): DayLine => ({
  date,
  sent,
  errors,
  total: sent + errors,
  success_rate: 0,
});

it('adds days up and weighs each by its sends', () => {
  const totals = totalsOf([day('2026-01-01', 90, 10), day('2026-01-02', 0, 0), day('2026-01-03', 10, 0)]);
  expect(totals).toMatchObject({ sent: 100, errors: 10, today: 10 });
  expect(totals.successRate).toBeCloseTo(90.909, 2);
  expect(totals.busiest?.date).toBe('2026-01-01');
});

it('has no rate and no busiest day where nothing was sent', () => {
  expect(totalsOf([day('2026-01-01', 0, 0)])).toMatchObject({ successRate: null, busiest: null });
  expect(totalsOf([])).toMatchObject({ sent: 0, today: 0 });
});

it('keeps a day the same day in every time zone', () => {
  const date = dayDate('2026-01-14');
  expect([date.getFullYear(), date.getMonth(), date.getDate()]).toEqual([2026, 0, 14]);
});
