import { describe, expect, it } from 'vitest';
import { bodyOf, emptyValues, keyKeeper } from './form';
import { marked } from './message/marks';
import { render, unknownVariables } from './message/template';
import { expectedSeconds, isRisky } from './pace';
import { type Check, remarkGroups, sendablePlaces, skippedGroups } from './preflight';

describe('the text', () => {
  const contact = { nome: '  Zé  da Silva ', telefone: '11987654321', 'Código do Pedido': ' 7 ' };

  it.each([
    ['Olá {{nome}}!', 'Olá Zé da Silva!'],
    ['Oi {{ Primeiro-Nome }}', 'Oi Zé'],
    ['nº {{codigo_do_pedido}}', 'nº 7'],
    ['{{faltou}}.', '.'],
    ['{{}} {{ }} {nome} {{no\nme}}', '{{}} {{ }} {nome} {{no\nme}}'],
    ['{{{nome}}}', '{Zé da Silva}'],
  ])('%j is filled in as the engine does it', (template, text) => {
    expect(render(template, contact)).toBe(text);
  });

  it('fills in once: a name that looks like a variable stays', () => {
    expect(render('{{nome}}', { nome: '{{telefone}}', telefone: '1' })).toBe('{{telefone}}');
  });

  it('names the variables nobody has, once, as written', () => {
    expect(
      unknownVariables('{{nome}} {{Empresa}} {{empresa}} {{cidade}} {{PRIMEIRO NOME}}', ['Cidade']),
    ).toEqual(['Empresa']);
  });

  it('shows the marks of WhatsApp and leaves sums and file names alone', () => {
    expect(marked('*Olá* _Zé_, 2*3*4 a_b_c ~não~')).toEqual([
      { mark: 'bold', pieces: ['Olá'] },
      ' ',
      { mark: 'italic', pieces: ['Zé'] },
      ', 2*3*4 a_b_c ',
      { mark: 'struck', pieces: ['não'] },
    ]);
    expect(marked('```*a*```')).toEqual([{ mark: 'mono', pieces: ['*a*'] }]);
    expect(marked('*a _b_*')).toEqual([
      { mark: 'bold', pieces: ['a ', { mark: 'italic', pieces: ['b'] }] },
    ]);
  });
});

describe('the pace', () => {
  it('takes the mean pause between two messages', () => {
    expect(expectedSeconds(41, { delayMin: 30, delayMax: 60 }, 2)).toBe(1800);
    expect(expectedSeconds(1, { delayMin: 30, delayMax: 60 }, 2)).toBe(0);
    expect(expectedSeconds(0, { delayMin: 30, delayMax: 60 }, 2)).toBe(0);
  });

  it('is never faster than the plan', () => {
    expect(expectedSeconds(101, { delayMin: 0, delayMax: 0 }, 2)).toBe(50);
  });

  it('warns where a number would be taken for a robot', () => {
    expect(isRisky({ delayMin: 5, delayMax: 14 })).toBe(true);
    expect(isRisky({ delayMin: 5, delayMax: 15 })).toBe(false);
  });
});

it('the pre-flight sorts the skipped by reason, the most frequent first', () => {
  const problem = (index: number, reason: string) => ({
    index,
    reason,
    field: `contacts[${index}].telefone`,
    message: '',
    detail: null,
    same_as: null,
  });
  const check = {
    problems: [problem(1, 'duplicate'), problem(2, 'invalid_phone'), problem(4, 'invalid_phone')],
    remarks: [{ index: 3, code: 'landline' }],
  } as Check;
  expect(
    skippedGroups(check).map(({ reason, problems }) => [reason, problems.map(({ index }) => index)]),
  ).toEqual([
    ['invalid_phone', [2, 4]],
    ['duplicate', [1]],
  ]);
  expect(remarkGroups(check)).toEqual([{ code: 'landline', places: [3] }]);
  expect(sendablePlaces(5, check)).toEqual([0, 3]);
});

describe('what is sent', () => {
  it('leaves out what was not chosen', () => {
    const values = { ...emptyValues(), name: ' Natal ' };
    expect(bodyOf(values, [])).toEqual({
      name: 'Natal',
      contacts: [],
      config: { systemPrompt: '', delayMin: 30, delayMax: 60 },
    });
  });

  it('names an instant where the form has the hour of this computer', () => {
    const values = { ...emptyValues(), when: 'later' as const, scheduleAt: '2030-05-01T09:30' };
    const written = bodyOf(values, []).scheduleAt ?? '';
    expect(written).toMatch(/Z$/);
    expect(new Date(written).getTime()).toBe(new Date(2030, 4, 1, 9, 30).getTime());
    expect(bodyOf({ ...values, when: 'now' }, [])).not.toHaveProperty('scheduleAt');
  });

  it('keeps its key as long as it stays the same', () => {
    const keyOf = keyKeeper();
    const key = keyOf({ name: 'a' });
    expect(keyOf({ name: 'a' })).toBe(key);
    expect(keyOf({ name: 'b' })).not.toBe(key);
  });
});
