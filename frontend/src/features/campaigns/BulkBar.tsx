import { Button, Group, Menu, Paper, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, told } from '../../api/client';
import { ErrorPanel } from '../../components/ErrorPanel';
import { ChevronDownIcon, PauseIcon, PlayIcon } from '../../components/icons';
import { notifyDone } from '../../components/notify';
import { type Move, moveCampaign } from '../campaign/queries';
import { inTurn } from './inTurn';
import type { Campaign } from './queries';

const PAUSABLE: ReadonlySet<string> = new Set(['running', 'pending', 'scheduled']);
const OPEN: ReadonlySet<string> = new Set([...PAUSABLE, 'paused']);
const PRIORITIES = ['50', '0', '-50'] as const;

/** What may be done with all chosen campaigns; those it does not fit are left out. */
export function BulkBar({ campaigns, onDone }: { campaigns: readonly Campaign[]; onDone: () => void }) {
  const { t } = useTranslation('campaigns');
  const queries = useQueryClient();
  const [done, setDone] = useState(0);
  const pausable = campaigns.filter((row) => PAUSABLE.has(row.status));
  const paused = campaigns.filter((row) => row.status === 'paused');
  const open = campaigns.filter((row) => OPEN.has(row.status));

  const work = useMutation({
    mutationFn: async ({ rows, each }: Work) => {
      setDone(0);
      await inTurn(rows, each, setDone);
      return rows.length;
    },
    onSuccess: (count) => {
      notifyDone(t('bulk.done', { count }));
      onDone();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['campaigns'] }),
  });
  const moveAll = (rows: readonly Campaign[], move: Move): void => {
    work.mutate({ rows, each: (row) => moveCampaign(row.campaign_id, move) });
  };

  return (
    <Paper withBorder p="xs" role="region" aria-label={t('bulk.label')}>
      <Group gap="sm">
        <Text size="sm" fw={600}>
          {work.isPending
            ? t('bulk.working', { done, count: work.variables.rows.length })
            : t('bulk.chosen', { count: campaigns.length })}
        </Text>
        <Button
          size="xs"
          variant="default"
          disabled={pausable.length === 0 || work.isPending}
          leftSection={<PauseIcon size={14} aria-hidden />}
          onClick={() => {
            moveAll(pausable, 'pause');
          }}
        >
          {t('bulk.pause', { count: pausable.length })}
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={paused.length === 0 || work.isPending}
          leftSection={<PlayIcon size={14} aria-hidden />}
          onClick={() => {
            moveAll(paused, 'resume');
          }}
        >
          {t('bulk.resume', { count: paused.length })}
        </Button>
        <Menu>
          <Menu.Target>
            <Button
              size="xs"
              variant="default"
              disabled={open.length === 0 || work.isPending}
              rightSection={<ChevronDownIcon size={14} aria-hidden />}
            >
              {t('bulk.priority')}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {PRIORITIES.map((value) => (
              <Menu.Item
                key={value}
                onClick={() => {
                  work.mutate({ rows: open, each: (row) => setPriority(row, Number(value)) });
                }}
              >
                {t(`bulk.priorities.${value}`)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </Group>
      {work.error !== null && <ErrorPanel error={work.error} title={t('bulk.failed', { done })} />}
    </Paper>
  );
}

interface Work {
  rows: readonly Campaign[];
  each: (row: Campaign) => Promise<unknown>;
}

function setPriority(row: Campaign, priority: number): Promise<unknown> {
  return told(
    api.PATCH('/api/campaigns/{reference}', {
      params: { path: { reference: row.campaign_id } },
      body: { priority },
    }),
  );
}
