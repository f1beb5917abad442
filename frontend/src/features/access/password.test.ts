import { expect, it } from 'vitest';
import { newPassword } from './password';

it('has four groups of five signs that nobody mistakes', () => {
  expect(newPassword()).toMatch(/^([a-hj-kmnp-z2-9]{5}-){3}[a-hj-kmnp-z2-9]{5}$/);
  expect(newPassword()).not.toBe(newPassword());
});

it('leaves out bytes that would make some signs likelier', () => {
  let asked = 0;
  const password = newPassword((bytes) => bytes.fill(asked++ === 0 ? 255 : 0));
  expect(password).toBe('aaaaa-aaaaa-aaaaa-aaaaa');
  expect(asked).toBe(2);
});
