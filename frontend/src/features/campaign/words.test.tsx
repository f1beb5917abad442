import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { beforeAll, expect, it, vi } from 'vitest';
import { usePaceText } from '../../components/usePaceText';
import common from '../../locales/pt-BR.json';
import { Feed } from './Feed';
import { EVERYBODY } from './groups';
import texts from './locales/pt-BR.json';

beforeAll(async () => {
  await i18next.use(initReactI18next).init({
    lng: 'pt-BR',
    ns: ['common', 'campaign'],
    defaultNS: 'common',
    resources: { 'pt-BR': { common, campaign: texts } },
  });
});

it('a campaign that is over and has no events left shows the way to its people', async () => {
  const onOpen = vi.fn();
  const feed = (status: string) => (
    <MantineProvider env="test">
      <Feed items={[]} status={status} onOpen={onOpen} />
    </MantineProvider>
  );
  const { rerender } = render(feed('running'));
  expect(screen.queryByRole('button')).toBeNull();
  rerender(feed('completed'));
  expect(screen.queryByText(/Nada aconteceu ainda/)).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Ver todas as pessoas' }));
  expect(onOpen).toHaveBeenCalledWith(EVERYBODY);
});

it.each([
  [0, 0, 'Sem pausa entre as mensagens'],
  [0.01, 0.02, 'Sem pausa entre as mensagens'],
  [0, 1.5, 'Até 1,5 s entre duas mensagens'],
  [5, 5, '5 s entre duas mensagens'],
  [30, 60, 'De 30 a 60 s entre duas mensagens'],
])('a pause of %d to %d seconds is said in words', (delayMin, delayMax, said) => {
  function Said() {
    return usePaceText()({ delayMin, delayMax });
  }
  const { container } = render(<Said />);
  expect(container.textContent?.replaceAll('\u00a0', ' ')).toBe(said);
});
