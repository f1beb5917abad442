import { expect, it } from 'vitest';
import { reconnectDelay } from './backoff';

it('doubles from a second to thirty, within half and the whole', () => {
  for (let attempt = 1; attempt < 40; attempt += 1) {
    const whole = Math.min(1000 * 2 ** attempt, 30_000);
    expect(reconnectDelay(attempt, 0)).toBe(Math.max(1000, whole / 2));
    expect(reconnectDelay(attempt, 0.999)).toBeLessThanOrEqual(30_000);
    expect(reconnectDelay(attempt, 0.5)).toBeGreaterThanOrEqual(1000);
  }
});
