import { Alert, Button, Drawer, Group, Stack, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/useSession';
import { useConfirm } from '../../components/ConfirmDialog';
import { type Column, DataTable } from '../../components/DataTable';
import { ErrorPanel } from '../../components/ErrorPanel';
import { CircleQuestionMarkIcon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { notifyDone } from '../../components/notify';
import { useFormat } from '../../format';
import { type Doubt, useDecide, useDoubts } from './queries';

interface DoubtsDrawerProps {
  id: string;
  opened: boolean;
  onClose: () => void;
}

/** Messages that may have been sent: what is known of each, and a person's decision. */
export function DoubtsDrawer({ id, opened, onClose }: DoubtsDrawerProps) {
  const { t } = useTranslation('campaign');
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="xl"
      title={t('stage.inDoubt')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {opened && <Doubts id={id} />}
    </Drawer>
  );
}

type Decision = 'sent' | 'failed' | 'resend';

function Doubts({ id }: { id: string }) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const ask = useConfirm();
  const mayDecide = useMay('operator');
  const found = useDoubts(id);
  const decide = useDecide(id);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [note, setNote] = useState('');
  const rows = useMemo(() => found.data?.pages.flatMap((page) => page.doubts) ?? [], [found.data]);

  const columns = useMemo<Column<Doubt>[]>(
    () => [
      {
        id: 'who',
        header: t('people.who'),
        width: 'minmax(0, 2fr)',
        cell: (doubt) => (
          <>
            <Text size="sm" fw={600} truncate>
              {doubt.nome}
            </Text>
            <Text size="xs" c="dimmed">
              {format.phone(doubt.telefone)}
            </Text>
          </>
        ),
      },
      {
        id: 'why',
        header: t('doubts.evidence'),
        width: 'minmax(0, 3fr)',
        cell: (doubt) => (
          <>
            <Text size="sm">{doubt.reason_text ?? doubt.reason}</Text>
            <Text size="xs" c="dimmed">
              {doubt.looks === null
                ? t('doubts.windowOver')
                : doubt.looks === 0
                  ? t('doubts.notAsked')
                  : t('doubts.asked', { count: doubt.looks })}
              {doubt.looks !== null && doubt.looks > 0 && doubt.lookup_works && ` ${t('doubts.works')}`}
              {doubt.resent && ` ${t('doubts.resent')}`}
            </Text>
          </>
        ),
      },
      {
        id: 'when',
        header: t('doubts.when'),
        width: '120px',
        wideOnly: true,
        cell: (doubt) =>
          doubt.attempt_started_at === null ? '–' : format.dateTime(doubt.attempt_started_at),
      },
    ],
    [t, format],
  );

  const act = async (decision: Decision): Promise<void> => {
    const count = selected.size;
    const sure = await ask({
      title: t(`doubts.${decision}.title`),
      body: t(`doubts.${decision}.body`, { count }),
      confirm: t(`doubts.${decision}.confirm`),
      danger: decision === 'resend',
    });
    if (!sure) return;
    decide.mutate(
      {
        decision,
        positions: [...selected].map(Number).slice(0, 1000),
        ...(note.trim() === '' ? {} : { note: note.trim() }),
      },
      {
        onSuccess: (answered) => {
          setSelected(new Set());
          notifyDone(t('doubts.done', { count: answered.decided }));
        },
      },
    );
  };

  if (found.isPending) return <Loading />;
  return (
    <Stack gap="sm">
      <Alert color="grape" variant="outline" icon={<CircleQuestionMarkIcon aria-hidden />}>
        {t('doubts.explain')}
      </Alert>
      {found.error !== null && <ErrorPanel error={found.error} />}
      <DataTable
        label={t('stage.inDoubt')}
        rows={rows}
        columns={columns}
        rowKey={(doubt) => String(doubt.position)}
        rowLabel={(doubt) => t('doubts.choose', { name: doubt.nome })}
        selection={mayDecide ? { selected, onChange: setSelected } : undefined}
        onEnd={() => {
          if (found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
        }}
        empty={t('doubts.none')}
        height={420}
        rowHeight={60}
      />
      {mayDecide && rows.length > 0 && (
        <>
          <TextInput
            label={t('doubts.note')}
            description={t('doubts.noteHint')}
            maxLength={500}
            value={note}
            onChange={(event) => {
              setNote(event.currentTarget.value);
            }}
          />
          {decide.error !== null && <ErrorPanel error={decide.error} />}
          <Group gap="xs">
            <Text size="sm" fw={600}>
              {t('doubts.selected', { count: selected.size })}
            </Text>
            {(['sent', 'failed', 'resend'] as const).map((decision) => (
              <Button
                key={decision}
                size="xs"
                variant="default"
                disabled={selected.size === 0}
                loading={decide.isPending && decide.variables.decision === decision}
                onClick={() => void act(decision)}
              >
                {t(`doubts.${decision}.action`)}
              </Button>
            ))}
          </Group>
        </>
      )}
    </Stack>
  );
}
