import { expect, it } from 'vitest';
import { ApiError } from '../../api/errors';
import { lineFaults, readLines } from './lines';

const GIVEN = readLines('(11) 98000-0001\r\n\n  banana ; 21 97000-0003,\n');

it('reads one or more numbers from a line and remembers which line', () => {
  expect(GIVEN).toEqual([
    { telefone: '(11) 98000-0001', line: 1 },
    { telefone: 'banana', line: 3 },
    { telefone: '21 97000-0003', line: 3 },
  ]);
  expect(readLines(' \n')).toEqual([]);
});

it('names the line of a refused number', () => {
  const error = new ApiError(422, 'invalid_request', '', null, [
    { path: 'telefones[1]', message: 'o telefone tem letras', code: 'letters' },
  ]);
  expect(lineFaults(error, GIVEN)).toEqual([
    { telefone: 'banana', line: 3, message: 'o telefone tem letras' },
  ]);
});

it('leaves other errors alone', () => {
  const other = new ApiError(422, 'invalid_request', '', null, [
    { path: 'telefones', message: 'no máximo 1000 itens', code: 'invalid' },
  ]);
  expect(lineFaults(other, GIVEN)).toBeNull();
  expect(lineFaults(new Error('x'), GIVEN)).toBeNull();
});
