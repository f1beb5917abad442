import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../../api/errors';
import { throttled } from '../../api/throttle';
import { inTurn } from './inTurn';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it('waits where the rate is used up, and does each once', async () => {
  const asked: string[] = [];
  let refuse = true;
  const counts: number[] = [];
  const work = inTurn(
    ['a', 'b', 'c'],
    (item) => {
      asked.push(item);
      if (item === 'b' && refuse) {
        refuse = false;
        throttled(5);
        return Promise.reject(new ApiError(429, 'rate_limited', '', null, [], 5));
      }
      return Promise.resolve();
    },
    (done) => counts.push(done),
  );
  await vi.advanceTimersByTimeAsync(4_900);
  expect(asked).toEqual(['a', 'b']);
  await vi.advanceTimersByTimeAsync(2_000);
  await work;
  expect(asked).toEqual(['a', 'b', 'b', 'c']);
  expect(counts).toEqual([1, 2, 3]);
});

it('stops at a refusal and says how far it came', async () => {
  vi.setSystemTime(Date.now() + 3_600_000); // the wait of before is long over
  const counts: number[] = [];
  const refused = new ApiError(409, 'campaign_completed', '', null);
  const work = inTurn(
    ['a', 'b', 'c'],
    (item) => (item === 'b' ? Promise.reject(refused) : Promise.resolve()),
    (done) => counts.push(done),
  );
  await expect(work).rejects.toBe(refused);
  expect(counts).toEqual([1]);
});
