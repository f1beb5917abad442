import { Button, Drawer, Group as Row, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Column, DataTable } from '../../components/DataTable';
import { ErrorPanel } from '../../components/ErrorPanel';
import { SearchIcon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { useFormat } from '../../format';
import type { Group } from './groups';
import { MessageTrail } from './MessageTrail';
import { type Message, useMessages } from './queries';

interface PeopleDrawerProps {
  id: string;
  group: Group | null;
  onClose: () => void;
}

/** The people behind a figure. */
export function PeopleDrawer({ id, group, onClose }: PeopleDrawerProps) {
  const { t } = useTranslation('campaign');
  return (
    <Drawer
      opened={group !== null}
      onClose={onClose}
      position="right"
      size="xl"
      title={group === null ? '' : (group.reason ?? t(`stage.${group.kind}`))}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {group !== null && <People key={group.kind + (group.reason ?? '')} id={id} group={group} />}
    </Drawer>
  );
}

function People({ id, group }: { id: string; group: Group }) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed.trim(), 300);
  const found = useMessages(id, group.filter, search);
  const rows = useMemo(() => found.data?.pages.flatMap((page) => page.messages) ?? [], [found.data]);
  const [opened, setOpened] = useState<Message | null>(null);
  const columns = useMemo<Column<Message>[]>(
    () => [
      {
        id: 'who',
        header: t('people.who'),
        width: 'minmax(0, 3fr)',
        cell: (message) => (
          <>
            <Text size="sm" fw={600} truncate>
              {message.nome === '' ? t('people.noName') : message.nome}
            </Text>
            <Text size="xs" c="dimmed">
              {message.status === 'skipped' ? message.telefone : format.phone(message.telefone)}
            </Text>
          </>
        ),
      },
      {
        id: 'what',
        header: t('people.what'),
        width: 'minmax(0, 3fr)',
        cell: (message) => (
          <>
            <Text size="sm">{message.reason_text ?? t(`message.${message.status as 'sent'}`)}</Text>
            {lastInstant(message) !== null && (
              <Text size="xs" c="dimmed">
                {format.dateTime(lastInstant(message) ?? '')}
              </Text>
            )}
          </>
        ),
      },
      {
        id: 'row',
        header: t('people.row'),
        width: '64px',
        align: 'right',
        wideOnly: true,
        cell: (message) => format.number(message.position + 1),
      },
      {
        id: 'instance',
        header: t('people.instance'),
        width: 'minmax(0, 1fr)',
        wideOnly: true,
        cell: (message) => message.instance ?? '–',
      },
    ],
    [t, format],
  );

  if (opened !== null) {
    return (
      <MessageTrail
        message={opened}
        onBack={() => {
          setOpened(null);
        }}
      />
    );
  }
  return (
    <Stack gap="sm">
      <TextInput
        aria-label={t('people.search')}
        placeholder={t('people.search')}
        leftSection={<SearchIcon size={16} aria-hidden />}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
        }}
      />
      {found.error !== null && (
        <ErrorPanel error={found.error} onRetry={() => void found.refetch()} />
      )}
      {found.isPending ? (
        <Loading />
      ) : (
        <DataTable
          label={t(`stage.${group.kind}`)}
          rows={rows}
          columns={columns}
          rowKey={(message) => String(message.position)}
          onOpen={setOpened}
          onEnd={() => {
            if (found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
          }}
          empty={search === '' ? t('people.none') : t('people.noMatch')}
          height={560}
        />
      )}
      <Row justify="space-between">
        <Text size="xs" c="dimmed">
          {t('people.shown', { count: rows.length })}
          {found.hasNextPage ? ` ${t('people.more')}` : ''}
        </Text>
        <Button
          size="compact-xs"
          variant="subtle"
          loading={found.isRefetching}
          onClick={() => void found.refetch()}
        >
          {t('people.refresh')}
        </Button>
      </Row>
    </Stack>
  );
}

function lastInstant(message: Message): string | null {
  return message.replied_at ?? message.read_at ?? message.delivered_at ?? message.sent_at;
}
