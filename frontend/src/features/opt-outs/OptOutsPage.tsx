import { ActionIcon, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/useSession';
import { useConfirm } from '../../components/ConfirmDialog';
import { type Column, DataTable } from '../../components/DataTable';
import { ErrorPanel } from '../../components/ErrorPanel';
import { PlusIcon, SearchIcon, Trash2Icon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { notifyDone } from '../../components/notify';
import { PageHeader } from '../../components/PageHeader';
import { ToneBadge } from '../../components/ToneBadge';
import { useFormat } from '../../format';
import { AddModal } from './AddModal';
import { type OptOut, useOptOutActions, useOptOuts } from './queries';

export default function OptOutsPage() {
  const { t } = useTranslation('opt-outs');
  const format = useFormat();
  const ask = useConfirm();
  const mayAdd = useMay('operator');
  const mayRemove = useMay('admin');
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed.replaceAll(/\D/g, ''), 300);
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useOptOuts(search);
  const { remove } = useOptOutActions();
  const [adding, setAdding] = useState(false);
  const rows = useMemo(() => data?.pages.flatMap((page) => page.suppressions) ?? [], [data]);
  const total = data?.pages[0]?.total ?? 0;

  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const { mutateAsync: removeNow } = remove;
  const columns = useMemo<Column<OptOut>[]>(() => {
    const named = (row: OptOut): string =>
      row.telefone === null ? t('erased') : format.phone(row.telefone);
    const takeOut = async (row: OptOut): Promise<void> => {
      const phone = named(row);
      const sure = await ask({
        title: t('remove.title', { phone }),
        body: t(row.reason === 'manual' ? 'remove.manual' : 'remove.asked'),
        confirm: t('remove.action'),
        danger: true,
      });
      if (!sure) return;
      const done = await removeNow(row.id).catch(() => null);
      if (done !== null) notifyDone(t('remove.done', { phone }));
    };
    return [
      {
        id: 'phone',
        header: t('column.phone'),
        cell: (row) => <span style={{ whiteSpace: 'nowrap' }}>{named(row)}</span>,
        width: 'minmax(174px, 3fr)',
      },
      {
        id: 'reason',
        header: t('column.reason'),
        cell: (row) => (
          <ToneBadge tone={row.reason === 'opt_out' ? 'warn' : 'neutral'}>
            {t(`reason.${row.reason}`)}
          </ToneBadge>
        ),
        width: 'minmax(0, 2fr)',
      },
      {
        id: 'when',
        header: t('column.when'),
        cell: (row) => format.dateTime(row.created_at),
        width: 'minmax(130px, 1fr)',
        wideOnly: true,
      },
      ...(mayRemove
        ? [
            {
              id: 'remove',
              header: t('column.actions'),
              align: 'right' as const,
              width: '48px',
              cell: (row: OptOut) => (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={t('remove.label', { phone: named(row) })}
                  onClick={() => void takeOut(row)}
                >
                  <Trash2Icon size={18} aria-hidden />
                </ActionIcon>
              ),
            },
          ]
        : []),
    ];
  }, [t, format, ask, mayRemove, removeNow]);

  return (
    <>
      <PageHeader
        title={t('title')}
        description={t('description')}
        actions={
          mayAdd && (
            <Button
              leftSection={<PlusIcon size={16} aria-hidden />}
              onClick={() => {
                setAdding(true);
              }}
            >
              {t('add.open')}
            </Button>
          )
        }
      />
      <Stack>
        <Group justify="space-between" gap="xs">
          {mayAdd && (
            <TextInput
              aria-label={t('search')}
              placeholder={t('search')}
              type="search"
              inputMode="tel"
              leftSection={<SearchIcon size={16} aria-hidden />}
              value={typed}
              onChange={(event) => {
                setTyped(event.currentTarget.value);
              }}
            />
          )}
          <Text size="sm" c="dimmed" role="status">
            {data !== undefined && t('total', { count: total, total: format.number(total) })}
          </Text>
        </Group>
        {(error ?? remove.error) !== null && (
          <ErrorPanel
            error={error ?? remove.error}
            onRetry={error === null ? undefined : () => void refetch()}
          />
        )}
        {data === undefined ? (
          error === null && <Loading />
        ) : (
          <DataTable
            label={t('title')}
            rows={rows}
            columns={columns}
            rowKey={(row) => String(row.id)}
            onEnd={more}
            total={search === '' ? total : rows.length}
            empty={t(search === '' ? 'empty' : 'notFound')}
          />
        )}
      </Stack>
      {adding && (
        <AddModal
          onClose={() => {
            setAdding(false);
          }}
        />
      )}
    </>
  );
}
