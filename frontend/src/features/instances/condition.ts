/** What a number can do right now, in one word. */
import type { Tone } from '../../components/tones';
import type { Instance } from './queries';

export type Condition =
  'connected' | 'paused' | 'resting' | 'testing' | 'connecting' | 'offline' | 'refused';

/** What keeps it from sending comes first; `now` in epoch milliseconds. */
export function conditionOf(instance: Instance, now: number): Condition {
  if (instance.state === 'refused') return 'refused';
  if (instance.state === 'connecting') return 'connecting';
  if (instance.state !== 'open') return 'offline';
  if (instance.paused_at !== null) return 'paused';
  const { state, open_until: until } = instance.breaker;
  if (state === 'open' && until !== null && new Date(until).getTime() > now) return 'resting';
  return state === 'closed' ? 'connected' : 'testing';
}

export const CONDITION_TONES: Record<Condition, Tone> = {
  connected: 'good',
  paused: 'warn',
  resting: 'warn',
  testing: 'info',
  connecting: 'info',
  offline: 'bad',
  refused: 'bad',
};
