import { expect, it } from 'vitest';
import { createFormat } from '.';

const pt = createFormat('pt-BR');
const en = createFormat('en');

it.each([
  ['5511987654321', '+55 (11) 98765-4321'],
  ['551133334444', '+55 (11) 3333-4444'],
  ['5511*****4321', '+55 (11) *****-4321'],
  ['351912345678', '+351912345678'],
  ['abc', 'abc'],
])('writes %s as a Brazilian would', (digits, shown) => {
  expect(pt.phone(digits)).toBe(shown);
});

it.each([
  [0, '0 s'],
  [45, '45 s'],
  [61, '1 min 1 s'],
  [7505, '2 h 5 min'],
  [3600, '1 h'],
])('says %i seconds in its two largest units', (seconds, shown) => {
  expect(pt.duration(seconds).replaceAll(' ', ' ')).toBe(shown);
});

it('names a time zone as people do', () => {
  expect(pt.zone('America/Sao_Paulo')).toMatch(/Brasília/);
});

it('writes numbers by the language', () => {
  expect(pt.number(10_000)).toBe('10.000');
  expect(en.number(10_000)).toBe('10,000');
  expect(pt.percent(96.15)).toBe('96,2%');
});
