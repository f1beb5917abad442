import { MantineProvider } from '@mantine/core';
import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import i18next from 'i18next';
import type { ReactNode } from 'react';
import { initReactI18next } from 'react-i18next';
import { beforeAll, expect, it, vi } from 'vitest';
import { ApiError, NetworkError, SessionEnded } from '../api/errors';
import texts from '../locales/pt-BR.json';
import { ConfirmProvider, useConfirm } from './ConfirmDialog';
import { DataTable } from './DataTable';
import { ErrorPanel } from './ErrorPanel';
import { StatTile } from './StatTile';

beforeAll(async () => {
  await i18next.use(initReactI18next).init({
    lng: 'pt-BR',
    ns: ['common'],
    defaultNS: 'common',
    resources: { 'pt-BR': { common: texts } },
  });
});

const show = (content: ReactNode) => render(<MantineProvider env="test">{content}</MantineProvider>);

it('an error is told in the API\'s words, with its request id, its fields and a countdown', () => {
  const error = new ApiError(
    429, 'rate_limited', 'Limite de 60 pedidos por minuto atingido.', 'req-7',
    [{ path: 'contacts[3].telefone', message: 'número incompleto', code: 'invalid_phone' }], 9,
  );
  show(<ErrorPanel error={error} />);
  const alert = screen.getByRole('alert');
  expect(alert.textContent).toContain('Limite de 60 pedidos por minuto atingido.');
  expect(alert.textContent).toContain('req-7');
  expect(alert.textContent).toContain('contacts[3].telefone');
  expect(alert.textContent).toContain('Tente de novo em 9 s.');
});

it('no answer is told in plain words, and an ended session by the sign-in alone', () => {
  show(<ErrorPanel error={new NetworkError(null)} />);
  expect(screen.getByRole('alert').textContent).toContain('O servidor não respondeu');
  show(<ErrorPanel error={new SessionEnded()} />);
  expect(screen.getAllByRole('alert')).toHaveLength(1);
});

it('a figure that can be opened is a button, one that cannot is none', async () => {
  const open = vi.fn();
  show(
    <>
      <StatTile label="Falharam" value="3" onOpen={open} openLabel="Ver essas pessoas" />
      <StatTile label="Velocidade" value={null} />
    </>,
  );
  expect(screen.getAllByRole('button')).toHaveLength(1);
  await userEvent.click(screen.getByRole('button', { name: /Falharam.*3.*Ver essas pessoas/ }));
  expect(open).toHaveBeenCalledOnce();
  expect(screen.getByText('–')).toBeTruthy();
});

function Asks({ onAnswer }: { onAnswer: (answer: boolean) => void }) {
  const ask = useConfirm();
  return (
    <button
      type="button"
      onClick={() => void ask({ title: 'Cancelar?', body: 'Não dá para desfazer.', confirm: 'Sim' }).then(onAnswer)}
    >
      perguntar
    </button>
  );
}

it('a question answers yes only to its own button', async () => {
  const answers: boolean[] = [];
  show(
    <ConfirmProvider>
      <Asks onAnswer={(answer) => answers.push(answer)} />
    </ConfirmProvider>,
  );
  await userEvent.click(screen.getByText('perguntar'));
  await userEvent.keyboard('{Escape}');
  await userEvent.click(screen.getByText('perguntar'));
  await userEvent.click(screen.getByRole('button', { name: 'Sim' }));
  expect(answers).toEqual([false, true]);
});

it('a list of ten thousand keeps few rows in the page and says how many there are', async () => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({ id: String(index) }));
  // jsdom lays nothing out: a window of 500 pixels, rows of 52.
  const sizes = { clientHeight: 500, clientWidth: 900, offsetHeight: 52 } as const;
  const spies = (Object.keys(sizes) as (keyof typeof sizes)[]).map((name) =>
    vi.spyOn(HTMLElement.prototype, name, 'get').mockReturnValue(sizes[name]),
  );
  await act(async () => {
    show(
      <DataTable
        label="Pessoas"
        rows={rows}
        columns={[{ id: 'name', header: 'Nome', cell: (row) => `Pessoa ${row.id}` }]}
        rowKey={(row) => row.id}
      />,
    );
    await Promise.resolve();
  });
  expect(screen.getByRole('table').getAttribute('aria-rowcount')).toBe('10001');
  const shown = screen.getAllByRole('row').length;
  expect(shown).toBeGreaterThan(3);
  expect(shown).toBeLessThan(60);
  for (const spy of spies) spy.mockRestore();
});
