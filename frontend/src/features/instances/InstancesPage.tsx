import { Button, SimpleGrid, Stack } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/useSession';
import { useConfirm } from '../../components/ConfirmDialog';
import { EmptyState } from '../../components/EmptyState';
import { ErrorPanel } from '../../components/ErrorPanel';
import { PlusIcon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { notifyDone } from '../../components/notify';
import { PageHeader } from '../../components/PageHeader';
import { AddModal } from './AddModal';
import { InstanceCard } from './InstanceCard';
import { LinkModal } from './LinkModal';
import { type Instance, type Move, type Seen, useInstanceActions, useInstances } from './queries';

export default function InstancesPage() {
  const { t } = useTranslation('instances');
  const ask = useConfirm();
  const mayConnect = useMay('admin');
  const { data, error, refetch, dataUpdatedAt } = useInstances();
  const { move, remove } = useInstanceActions();
  const [adding, setAdding] = useState(false);
  const [linking, setLinking] = useState<Seen | null>(null);
  const failure = error ?? move.error ?? remove.error;

  const go = async (instance: Instance, to: Move): Promise<void> => {
    const seen = await move.mutateAsync({ name: instance.name, to }).catch(() => null);
    if (seen === null) return;
    if (to === 'connect') setLinking(seen);
    else notifyDone(t(to === 'pause' ? 'pausedDone' : 'resumedDone', { name: instance.name }));
  };
  const takeOut = async (instance: Instance): Promise<void> => {
    const sure = await ask({
      title: t('removeTitle', { name: instance.name }),
      body: t(instance.adopted ? 'removeAdopted' : 'removeMade'),
      confirm: t('remove'),
      danger: true,
    });
    if (!sure) return;
    const done = await remove.mutateAsync(instance.name).catch(() => null);
    if (done !== null) notifyDone(t('removedDone', { name: instance.name }));
  };
  const busyOf = (name: string): Move | 'remove' | null => {
    if (move.isPending && move.variables.name === name) return move.variables.to;
    return remove.isPending && remove.variables === name ? 'remove' : null;
  };
  const addButton = mayConnect && (
    <Button
      leftSection={<PlusIcon size={16} aria-hidden />}
      onClick={() => {
        setAdding(true);
      }}
    >
      {t('add.open')}
    </Button>
  );

  return (
    <>
      <PageHeader title={t('title')} description={t('description')} actions={addButton} />
      <Stack>
        {failure !== null && (
          <ErrorPanel error={failure} onRetry={error === null ? undefined : () => void refetch()} />
        )}
        {data === undefined ? (
          error === null && <Loading />
        ) : data.length === 0 ? (
          <EmptyState title={t('none')}>{t('noneBody')}</EmptyState>
        ) : (
          <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }}>
            {data.map((instance) => (
              <InstanceCard
                key={instance.id}
                instance={instance}
                now={dataUpdatedAt}
                busy={busyOf(instance.name)}
                onMove={(to) => void go(instance, to)}
                onRemove={() => void takeOut(instance)}
              />
            ))}
          </SimpleGrid>
        )}
      </Stack>
      {adding && (
        <AddModal
          onClose={() => {
            setAdding(false);
          }}
          onMade={(seen) => {
            setAdding(false);
            setLinking(seen);
          }}
        />
      )}
      {linking !== null && (
        <LinkModal
          first={linking}
          onClose={() => {
            setLinking(null);
          }}
        />
      )}
    </>
  );
}
