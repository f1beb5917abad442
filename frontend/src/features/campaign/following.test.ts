import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Following } from './following';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function following() {
  const began = Date.now();
  const asked: number[] = [];
  const made = new Following(() => asked.push((Date.now() - began) / 1000));
  return { made, asked };
}

it('asks after something was told, ever more rarely, and then no more', () => {
  const { made, asked } = following();
  made.told();
  vi.advanceTimersByTime(600_000);
  expect(asked).toEqual([5, 15, 35, 75]);
});

it('asks every five seconds while something is told all the time', () => {
  const { made, asked } = following();
  for (let at = 0; at < 60; at += 1) {
    made.told();
    vi.advanceTimersByTime(300);
  }
  expect(asked).toHaveLength(3);
});

it('begins anew with what comes later, and stops for good', () => {
  const { made, asked } = following();
  made.told();
  vi.advanceTimersByTime(16_000);
  made.told();
  vi.advanceTimersByTime(6_000);
  expect(asked).toEqual([5, 15, 21]);
  made.stop();
  vi.advanceTimersByTime(600_000);
  expect(asked).toHaveLength(3);
});
