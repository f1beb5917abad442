import { SegmentedControl, Text } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Column, DataTable } from '../../components/DataTable';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import type { Contact } from './list/list';
import { type CheckedProblem, problemsByPlace } from './preflight';
import { useProblemText } from './problemText';
import type { CampaignList } from './useContactList';

const MOST_VARIABLES = 4;

interface Row {
  key: string;
  line: number;
  contact: Contact;
  problem: CheckedProblem | undefined;
}

/** Every row as it was read, skipped ones with their reason. */
export function ListPreview({ list }: { list: CampaignList }) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const [show, setShow] = useState<'all' | 'sent' | 'skipped'>('all');
  const { contacts, lines, variables } = list.list;
  const check = list.check.data;
  const textOf = useProblemText(lines);

  const rows = useMemo<Row[]>(() => {
    const problems = problemsByPlace(check);
    const all = contacts.map((contact, at) => ({
      key: String(at),
      line: lines[at] ?? 0,
      contact,
      problem: problems.get(at),
    }));
    if (show === 'all') return all;
    return all.filter(({ problem }) => (problem === undefined) === (show === 'sent'));
  }, [contacts, lines, check, show]);

  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: 'line',
        header: t('preview.line'),
        width: '40px',
        align: 'right',
        cell: ({ line }) => format.number(line),
      },
      {
        id: 'nome',
        header: t('columns.role.nome'),
        width: 'minmax(0, 2fr)',
        cell: ({ contact, problem }) => (
          <>
            {contact.nome}
            {problem !== undefined && (
              <Text size="xs" style={{ color: 'var(--tone-warn-text)' }}>
                {t('preview.why', { why: textOf(problem) })}
              </Text>
            )}
          </>
        ),
      },
      {
        id: 'telefone',
        header: t('columns.role.telefone'),
        width: 'minmax(124px, 1.6fr)',
        cell: ({ contact }) => contact.telefone,
      },
      ...variables.slice(0, MOST_VARIABLES).map(
        (name): Column<Row> => ({
          id: `variable ${name}`,
          header: name,
          wideOnly: true,
          cell: ({ contact }) => contact[name],
        }),
      ),
    ],
    [t, format, textOf, variables],
  );

  return (
    <Panel
      title={t('preview.title')}
      actions={
        check !== undefined && (
          <SegmentedControl
            size="xs"
            aria-label={t('preview.show')}
            value={show}
            onChange={(value) => {
              setShow(value as typeof show);
            }}
            data={(['all', 'sent', 'skipped'] as const).map((value) => ({
              value,
              label: t(`preview.${value}`),
            }))}
          />
        )
      }
    >
      <DataTable
        label={t('preview.title')}
        rows={rows}
        columns={columns}
        rowKey={(row) => row.key}
        height={360}
        rowHeight={44}
      />
    </Panel>
  );
}
