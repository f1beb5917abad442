import { ActionIcon, Anchor, Button, Code, Stack } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay, useUser } from '../../app/useSession';
import { useConfirm } from '../../components/ConfirmDialog';
import { type Column, DataTable } from '../../components/DataTable';
import { ErrorPanel } from '../../components/ErrorPanel';
import { PlusIcon, Trash2Icon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { notifyDone } from '../../components/notify';
import { PageHeader } from '../../components/PageHeader';
import { useFormat } from '../../format';
import { KeyModal } from './KeyModal';
import { type Key, useKeyActions, useKeys, usePeople } from './queries';

export default function KeysPage() {
  const { t } = useTranslation('access');
  const format = useFormat();
  const ask = useConfirm();
  const me = useUser();
  const seesAll = useMay('owner');
  const { data, error, refetch } = useKeys();
  const people = usePeople(seesAll).data;
  const { revoke } = useKeyActions();
  const [adding, setAdding] = useState(false);
  const { mutateAsync: revokeNow } = revoke;

  const columns = useMemo<Column<Key>[]>(() => {
    const takeBack = async (key: Key): Promise<void> => {
      const sure = await ask({
        title: t('keys.revokeTitle', { name: key.name }),
        body: t('keys.revokeBody'),
        confirm: t('keys.revoke'),
        danger: true,
      });
      if (!sure) return;
      const done = await revokeNow(key.id).catch(() => null);
      if (done !== null) notifyDone(t('keys.revoked', { name: key.name }));
    };
    const whose = (id: number): string =>
      id === me.id ? me.email : (people?.find((person) => person.id === id)?.email ?? `#${id}`);
    return [
      { id: 'name', header: t('keys.name'), width: 'minmax(0, 2fr)', cell: (key) => key.name },
      {
        id: 'prefix',
        header: t('keys.begins'),
        width: 'minmax(110px, 1fr)',
        cell: (key) => <Code>{key.prefix}…</Code>,
      },
      ...(seesAll
        ? [
            {
              id: 'whose',
              header: t('keys.actsAs'),
              width: 'minmax(0, 2fr)',
              wideOnly: true,
              cell: (key: Key) => whose(key.user_id),
            },
          ]
        : []),
      {
        id: 'since',
        header: t('keys.since'),
        width: 'minmax(90px, 1fr)',
        wideOnly: true,
        cell: (key) => format.date(key.created_at),
      },
      {
        id: 'revoke',
        header: t('actions'),
        align: 'right',
        width: '60px',
        cell: (key) => (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('keys.revokeLabel', { name: key.name })}
            onClick={() => void takeBack(key)}
          >
            <Trash2Icon size={18} aria-hidden />
          </ActionIcon>
        ),
      },
    ];
  }, [t, format, ask, me, people, seesAll, revokeNow]);

  const failure = error ?? revoke.error;
  return (
    <>
      <PageHeader
        title={t('keys.title')}
        description={
          <>
            {t('keys.description')}{' '}
            <Anchor href="/docs" size="sm" underline="always">
              {t('keys.docs')}
            </Anchor>
          </>
        }
        actions={
          <Button
            leftSection={<PlusIcon size={16} aria-hidden />}
            onClick={() => {
              setAdding(true);
            }}
          >
            {t('keys.add')}
          </Button>
        }
      />
      <Stack>
        {failure !== null && (
          <ErrorPanel error={failure} onRetry={error === null ? undefined : () => void refetch()} />
        )}
        {data === undefined ? (
          error === null && <Loading />
        ) : (
          <DataTable
            label={t('keys.title')}
            rows={data}
            columns={columns}
            rowKey={(key) => String(key.id)}
            empty={t('keys.none')}
          />
        )}
      </Stack>
      {adding && (
        <KeyModal
          onClose={() => {
            setAdding(false);
          }}
        />
      )}
    </>
  );
}
