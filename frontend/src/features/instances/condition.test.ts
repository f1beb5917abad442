import { expect, it } from 'vitest';
import { conditionOf } from './condition';
import type { Instance } from './queries';

const NOW = Date.parse('2026-01-14T12:00:00Z');

function number(over: Partial<Instance> = {}, breaker: Partial<Instance['breaker']> = {}): Instance {
  return {
    id: 1,
    public_id: '1-x',
    name: 'vendas',
    adopted: false,
    state: 'open',
    state_reason: null,
    state_at: '2026-01-14T11:00:00Z',
    phone: null,
    last_ack_at: null,
    paused_at: null,
    created_at: '2026-01-14T11:00:00Z',
    ...over,
    breaker: {
      state: 'closed',
      errors_in_a_row: 0,
      times_opened: 0,
      opened_at: null,
      open_until: null,
      reason: null,
      reason_text: null,
      ...breaker,
    },
  };
}

it.each([
  ['connected', number()],
  ['offline', number({ state: 'close', paused_at: '2026-01-14T11:00:00Z' })],
  ['refused', number({ state: 'refused' })],
  ['connecting', number({ state: 'connecting' })],
  ['paused', number({ paused_at: '2026-01-14T11:00:00Z' }, { state: 'open', open_until: '2026-01-14T13:00:00Z' })],
  ['resting', number({}, { state: 'open', open_until: '2026-01-14T12:00:01Z' })],
  ['testing', number({}, { state: 'open', open_until: '2026-01-14T11:59:59Z' })],
  ['testing', number({}, { state: 'half-open' })],
])('is %s', (condition, instance) => {
  expect(conditionOf(instance, NOW)).toBe(condition);
});
