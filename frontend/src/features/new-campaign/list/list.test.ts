import { readFileSync } from 'node:fs';
import { strToU8, zipSync } from 'fflate';
import { beforeEach, describe, expect, it } from 'vitest';
import { csvText } from './csvFile';
import { guessRoles, hasHeading, keysOf } from './headings';
import { contactsOf, readBytes, readText, tooWide } from './list';
import { recallRoles, rememberRoles } from './memory';
import { ListFault } from './records';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (text: string): Uint8Array =>
  Uint8Array.from(text, (char) => char.codePointAt(0) ?? 0);
const utf16 = (text: string): Uint8Array =>
  Uint8Array.from([0xff, 0xfe, ...[...text].flatMap((char) => [char.charCodeAt(0), 0])]);

const cells = async (text: string): Promise<string[][]> =>
  (await readText(text)).map((record) => record.cells);

const fault = async (read: Promise<unknown>): Promise<[string, number]> => {
  const error: unknown = await read.then(
    () => null,
    (failure: unknown) => failure,
  );
  if (!(error instanceof ListFault)) throw new Error(`no fault: ${String(error)}`);
  return [error.code, error.line];
};

describe('CSV', () => {
  it.each([';', ',', '\t', '|'])('is read with %j between the cells', async (delimiter) => {
    const text = ['nome;telefone;cidade', 'Ana;11987654321;Rio'].join('\n').replaceAll(';', delimiter);
    expect(await cells(text)).toEqual([
      ['nome', 'telefone', 'cidade'],
      ['Ana', '11987654321', 'Rio'],
    ]);
  });

  it('keeps commas of names where semicolons part the cells', async () => {
    expect(await cells('nome;telefone\nSilva, Ana;11987654321\nSouza, Bia;11987654322')).toEqual([
      ['nome', 'telefone'],
      ['Silva, Ana', '11987654321'],
      ['Souza, Bia', '11987654322'],
    ]);
  });

  it('believes what the file says of itself', async () => {
    expect(await cells('sep=|\r\nnome|telefone\r\nAna;B|11987654321')).toEqual([
      ['nome', 'telefone'],
      ['Ana;B', '11987654321'],
    ]);
  });

  it('understands quotes, and counts the lines inside them', async () => {
    const records = await readText(
      'nome;telefone;nota\n"Fulano ""F"" de Tal";11987654321;"duas\r\nlinhas"\n\nAna;11987654322;',
    );
    expect(records.map(({ line }) => line)).toEqual([1, 2, 5]);
    expect(records[1]?.cells).toEqual(['Fulano "F" de Tal', '11987654321', 'duas\r\nlinhas']);
  });

  it('leaves empty lines out and keeps the numbers of the others', async () => {
    const records = await readText('\nnome;telefone\n;\n\nAna;11987654321\n;;;\n');
    expect(records.map(({ line }) => line)).toEqual([2, 5]);
  });

  it('says where a quote was left open', async () => {
    const text = 'nome;telefone\nAna;11987654321\n"Bia;11987654322\nCid;11987654323\n';
    expect(await fault(readText(text))).toEqual(['openQuote', 3]);
    const closed = 'nome;telefone\n"Bia;11987654322\nCid;11987654323\n"Dea;11987654324';
    expect(await fault(readText(closed))).toEqual(['openQuote', 2]);
  });

  it.each(['', '\n\n;;\n', 'nome;telefone\n'])('is refused where nobody is in it: %j', async (text) => {
    expect(await fault(readText(text))).toEqual(['empty', 0]);
  });
});

describe('a file', () => {
  const text = 'nome;telefone\nConceição;11987654321';

  it.each([
    ['UTF-8', utf8(text)],
    ['UTF-8 with its mark', utf8(`\ufeff${text}`)],
    ['Latin-1', latin1(text)],
    ['UTF-16', utf16(text)],
  ])('of %s is read', async (_, bytes) => {
    const records = await readBytes(bytes);
    expect(records.map((record) => record.cells)).toEqual([
      ['nome', 'telefone'],
      ['Conceição', '11987654321'],
    ]);
  });

  it.each([
    ['oldExcel', [0xd0, 0xcf, 0x11, 0xe0, 1]],
    ['pdf', [...utf8('%PDF-1.7')]],
    ['compressed', [0x1f, 0x8b, 8]],
    ['notAList', [1, 2, 3, 4, 5, 6, 7]],
    ['damagedXlsx', [0x50, 0x4b, 0x03, 0x04, 1, 2, 3]],
  ])('that is no list says what it is: %s', async (code, bytes) => {
    expect((await fault(readBytes(Uint8Array.from(bytes))))[0]).toBe(code);
  });
});

describe('XLSX', () => {
  const book = (sheet: string): Uint8Array => {
    const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
    const docs = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
    const rels = 'http://schemas.openxmlformats.org/package/2006/relationships';
    return zipSync({
      'xl/workbook.xml': strToU8(
        `<workbook xmlns="${main}" xmlns:r="${docs}"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>`,
      ),
      'xl/_rels/workbook.xml.rels': strToU8(
        `<Relationships xmlns="${rels}"><Relationship Id="r1" Type="${docs}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
      ),
      'xl/worksheets/sheet1.xml': strToU8(
        `<worksheet xmlns="${main}"><sheetData>${sheet}</sheetData></worksheet>`,
      ),
    });
  };
  const row = (at: number, name: string, phone: string): string =>
    `<row r="${at}"><c r="A${at}" t="inlineStr"><is><t>${name}</t></is></c><c r="B${at}">${phone}</c></row>`;

  it('gives phones in full and rows their numbers', async () => {
    const sheet = row(1, 'nome', '<v>0</v>') + row(4, 'Ana', '<v>5511987654321</v>');
    const records = await readBytes(book(sheet));
    expect(records).toEqual([
      { line: 1, cells: ['nome', '0'] },
      { line: 4, cells: ['Ana', '5511987654321'] },
    ]);
  });

  it('of ten thousand rows is read whole', async () => {
    const rows = Array.from({ length: 10_000 }, (_, at) =>
      row(at + 1, `Pessoa ${(at * 7919) % 10_007} de Exemplo`, `<v>${11_900_000_000 + at * 7919}</v>`),
    );
    expect(await readBytes(book(rows.join('')))).toHaveLength(10_000);
  });

  it('that is some other archive is refused', async () => {
    expect((await fault(readBytes(zipSync({ 'a.xml': strToU8('<a/>') }))))[0]).toBe('compressed');
  });
});

const guess = async (text: string) => {
  const records = await readText(text);
  return guessRoles(records, hasHeading(records));
};

describe('columns', () => {
  it.each([
    ['nome;telefone;cidade\nAna;11987654321;Rio', ['nome', 'telefone', 'variable']],
    ['Telefone (WhatsApp);Nome do cliente\n11987654321;Ana', ['telefone', 'nome']],
    ['Phone,Full Name,Order\n11987654321,Ana,7', ['telefone', 'nome', 'variable']],
    ['id;quem;onde falar\n1;Ana;(11) 98765-4321\n2;Bia;11 98765-4322', ['variable', 'nome', 'telefone']],
    ['Ana;11987654321\nBia;11987654322', ['nome', 'telefone']],
    ['número;nome;celular\n12;Ana;11987654321', ['variable', 'nome', 'telefone']],
    ['contato;fone\nAna;11987654321', ['nome', 'telefone']],
    ['nome;cpf;tel\nAna;123.456.789-00;11987654321', ['nome', 'variable', 'telefone']],
  ])('are guessed: %j', async (text, roles) => {
    expect(await guess(text)).toEqual(roles);
  });

  it('without a phone or a name are left for the person to name', async () => {
    expect(await guess('id;valor\n1;2,50')).toEqual(['variable', 'variable']);
  });

  it('have a key each, all different, that the text can use', async () => {
    const records = await readText('nome;telefone;cidade;Cidade;;{{x}}\nAna;11987654321;Rio;Niterói;a;b');
    expect(keysOf(records, true)).toEqual([
      'nome_2', 'telefone_2', 'cidade', 'Cidade_2', 'coluna_5', 'x',
    ]); // prettier-ignore
  });

  it('are remembered by their headings, which are not kept', () => {
    const headings = ['Nome do paciente', 'Celular da mãe', 'Dia'];
    rememberRoles(headings, ['nome', 'telefone', 'unused']);
    expect(recallRoles(['nome do PACIENTE', 'celular da mae', 'dia'])).toEqual(['nome', 'telefone', 'unused']);
    expect(recallRoles(['Nome', 'Celular da mãe', 'Dia'])).toBeNull();
    // eslint-disable-next-line no-restricted-globals -- looks at what was kept
    expect(JSON.stringify({ ...localStorage })).not.toMatch(/paciente|celular/i);
  });

  // eslint-disable-next-line no-restricted-globals -- a fresh browser
  beforeEach(() => localStorage.clear());
});

describe('contacts', () => {
  it('hold what the columns were made into, and where they came from', async () => {
    const records = await readText('a;b;c;d\n\nAna;11987654321;Rio;x;além\nBia;11987654322');
    const list = contactsOf(records, true, ['nome', 'telefone', 'variable', 'unused'], 10);
    expect(list).toEqual({
      contacts: [
        { nome: 'Ana', telefone: '11987654321', c: 'Rio' },
        { nome: 'Bia', telefone: '11987654322', c: '' },
      ],
      lines: [3, 4],
      variables: ['c'],
    });
    expect(tooWide(records, true)).toEqual([3]);
    expect(contactsOf(records, true, ['nome', 'telefone'], 1).contacts).toHaveLength(1);
  });

  it('of the example list are all read', async () => {
    const records = await readBytes(readFileSync('../examples/contatos.csv'));
    const list = contactsOf(records, true, guessRoles(records, true), 10_000);
    expect(list.variables).toEqual(['cidade', 'pedido']);
    expect(list.contacts).toHaveLength(60);
    expect(list.contacts[11]).toMatchObject({ nome: 'Amostra, Beatriz' });
    expect(list.contacts[13]).toMatchObject({ nome: 'Padaria Sonho; Filial Centro', cidade: 'Curitiba; PR' });
  });
});

it('a written CSV is read back, and runs nothing in a spreadsheet', async () => {
  const rows = [
    ['linha', 'nome', 'telefone'],
    ['2', 'A "B"; C', '+55 (11) 98765-4321'],
    ['3', '=1+1', '-2'],
  ];
  const text = csvText(rows);
  expect(text.startsWith('\ufeff')).toBe(true);
  expect(await cells(text)).toEqual([rows[0], rows[1], ['3', "'=1+1", '-2']]);
});
