import { expect, it, vi } from 'vitest';
import { ApiError } from './errors';
import { formPath, showFaults } from './forms';
import { retryDelay, shouldRetry } from './query';
import { NetworkError, SessionEnded } from './errors';

const refused = (...paths: string[]): ApiError =>
  new ApiError(
    422,
    'invalid_request',
    'x',
    'r',
    paths.map((path) => ({ path, message: `ruim: ${path}`, code: 'invalid' })),
  );

it('turns the API\'s paths into the form\'s', () => {
  expect(formPath('contacts[3].telefone')).toBe('contacts.3.telefone');
  expect(formPath('config.delayMin')).toBe('config.delayMin');
});

it('puts faults on their fields and says whether all found one', () => {
  const set = vi.fn();
  expect(showFaults(refused('name', 'config.delayMin'), set, ['name', 'low'], { 'config.delayMin': 'low' })).toBe(true);
  expect(set).toHaveBeenCalledWith('low', { type: 'invalid', message: 'ruim: config.delayMin' });
  expect(showFaults(refused('name', 'priority'), set, ['name'])).toBe(false);
  expect(showFaults(new Error('x'), set, ['name'])).toBe(false);
});

it('asks again what may work later, after what the server asked for', () => {
  const limited = new ApiError(429, 'rate_limited', '', null, [], 12);
  expect(shouldRetry(0, limited)).toBe(true);
  expect(retryDelay(0, limited)).toBeGreaterThanOrEqual(12_000);
  expect(shouldRetry(0, new NetworkError(null))).toBe(true);
  expect(shouldRetry(4, new NetworkError(null))).toBe(false);
  expect(shouldRetry(0, new SessionEnded())).toBe(false);
  expect(shouldRetry(0, new ApiError(404, 'not_found', '', null))).toBe(false);
});
