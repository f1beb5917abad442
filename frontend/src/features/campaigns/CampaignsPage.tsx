import { Button, Group, MultiSelect, Progress, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { useMay } from '../../app/useSession';
import { type Column, DataTable } from '../../components/DataTable';
import { EmptyState } from '../../components/EmptyState';
import { ErrorPanel } from '../../components/ErrorPanel';
import { healthTone, ratingOf } from '../../components/health';
import { PlusIcon, SearchIcon } from '../../components/icons';
import { LiveBadge } from '../../components/LiveBadge';
import { Loading } from '../../components/Loading';
import { PageHeader } from '../../components/PageHeader';
import { StatusBadge } from '../../components/StatusBadge';
import { ToneBadge } from '../../components/ToneBadge';
import type { Tone } from '../../components/tones';
import { useWaiting } from '../../components/useWaiting';
import { type Format, useFormat } from '../../format';
import { BulkBar } from './BulkBar';
import classes from './CampaignsPage.module.css';
import { type Campaign, useCampaigns, useLiveRows } from './queries';

const STATUSES = [
  'running',
  'pending',
  'scheduled',
  'paused',
  'completed',
  'failed',
  'cancelled',
] as const;

/** All campaigns: how far, how fast, how well, and what they wait for. */
export default function CampaignsPage() {
  const { t } = useTranslation(['campaigns', 'common']);
  const format = useFormat();
  const navigate = useNavigate();
  const mayOperate = useMay('operator');
  const [params, setParams] = useSearchParams();
  const asked = params.get('status') ?? '';
  const status = useMemo(() => STATUSES.filter((one) => asked.split(',').includes(one)), [asked]);
  const [typed, setTyped] = useState(params.get('busca') ?? '');
  const [search] = useDebouncedValue(typed.trim(), 300);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const list = useCampaigns({ status, search });
  useLiveRows();
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.campaigns) ?? [], [list.data]);
  const columns = useColumns(format);
  const narrowed = status.length > 0 || search !== '';

  return (
    <>
      <PageHeader
        title={t('title')}
        description={<LiveBadge />}
        actions={
          mayOperate ? (
            <Button
              component={Link}
              to="/campanhas/nova"
              leftSection={<PlusIcon size={16} aria-hidden />}
            >
              {t('new')}
            </Button>
          ) : undefined
        }
      />
      <Stack gap="sm">
        <div className={classes.filters}>
          <TextInput
            aria-label={t('search')}
            placeholder={t('search')}
            leftSection={<SearchIcon size={16} aria-hidden />}
            value={typed}
            onChange={(event) => {
              setTyped(event.currentTarget.value);
            }}
          />
          <MultiSelect
            aria-label={t('statusFilter')}
            placeholder={status.length === 0 ? t('statusFilter') : undefined}
            data={STATUSES.map((value) => ({ value, label: t(`common:status.${value}`) }))}
            value={status}
            clearable
            clearButtonProps={{ 'aria-label': t('clear') }}
            onChange={(values) => {
              setSelected(new Set());
              setParams(values.length === 0 ? {} : { status: values.join(',') }, { replace: true });
            }}
          />
        </div>
        {list.error !== null && <ErrorPanel error={list.error} onRetry={() => void list.refetch()} />}
        {selected.size > 0 && (
          <BulkBar
            campaigns={rows.filter((row) => selected.has(row.campaign_id))}
            onDone={() => {
              setSelected(new Set());
            }}
          />
        )}
        {list.isPending ? (
          <Loading />
        ) : list.data === undefined ? null : rows.length === 0 && !narrowed ? (
          <EmptyState
            title={t('empty.title')}
            action={
              mayOperate ? (
                <Button component={Link} to="/campanhas/nova">
                  {t('new')}
                </Button>
              ) : undefined
            }
          >
            {t('empty.body')}
          </EmptyState>
        ) : (
          <DataTable
            label={t('title')}
            rows={rows}
            columns={columns}
            rowKey={(row) => row.campaign_id}
            rowLabel={(row) => t('choose', { name: row.name })}
            selection={mayOperate ? { selected, onChange: setSelected } : undefined}
            onOpen={(row) => void navigate(`/campanhas/${row.campaign_id}`)}
            onEnd={() => {
              if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
            }}
            empty={t('noMatch')}
            height={640}
            rowHeight={68}
          />
        )}
      </Stack>
    </>
  );
}

function useColumns(format: Format): Column<Campaign>[] {
  const { t } = useTranslation(['campaigns', 'common']);
  const waiting = useWaiting();
  return useMemo<Column<Campaign>[]>(
    () => [
      {
        id: 'name',
        header: t('column.name'),
        width: 'minmax(0, 3fr)',
        cell: (row) => (
          <Stack gap={2}>
            <Link to={`/campanhas/${row.campaign_id}`} className={classes.name}>
              {row.name}
            </Link>
            <Group gap={6}>
              <StatusBadge status={row.status} />
              {row.priority !== 0 && (
                <ToneBadge tone="info">
                  {row.priority === 50
                    ? t('priorityHigh')
                    : row.priority === -50
                      ? t('priorityLow')
                      : t('priority', { value: row.priority })}
                </ToneBadge>
              )}
              <Text size="xs" c="dimmed">
                {row.status === 'scheduled' && row.scheduled_at !== null
                  ? t('startsAt', { at: format.dateTime(row.scheduled_at) })
                  : (waitingShown(row, waiting) ?? format.relative(row.created_at))}
              </Text>
            </Group>
          </Stack>
        ),
      },
      {
        id: 'progress',
        header: t('column.progress'),
        width: 'minmax(0, 2fr)',
        cell: (row) => (
          <Stack gap={4}>
            <Text size="sm" className={classes.figure}>
              {t('progress', {
                sent: format.number(row.sent_count),
                total: format.number(row.total_contacts),
                share: format.percent(row.progress_percentage),
              })}
            </Text>
            <Progress
              value={row.progress_percentage}
              size="sm"
              color={row.status === 'failed' ? 'red.8' : 'brand.7'}
              aria-label={t('column.progress')}
            />
            <div className={classes.narrowOnly}>
              <Problems row={row} format={format} none="" />
            </div>
          </Stack>
        ),
      },
      {
        id: 'problems',
        header: t('column.problems'),
        width: 'minmax(0, 1.2fr)',
        wideOnly: true,
        cell: (row) => <Problems row={row} format={format} none="–" />,
      },
      {
        id: 'speed',
        header: t('column.speed'),
        width: '104px',
        align: 'right',
        wideOnly: true,
        cell: (row) =>
          row.messages_per_minute > 0
            ? t('perMinute', { speed: format.decimal(row.messages_per_minute) })
            : '–',
      },
      {
        id: 'remaining',
        header: t('column.remaining'),
        width: '112px',
        align: 'right',
        wideOnly: true,
        cell: (row) =>
          row.status === 'running' && row.estimated_seconds_remaining !== null
            ? format.duration(row.estimated_seconds_remaining)
            : row.finished_at !== null
              ? t('ended', { when: format.relative(row.finished_at) })
              : '–',
      },
      {
        id: 'health',
        header: t('column.health'),
        width: '84px',
        align: 'right',
        wideOnly: true,
        cell: (row) => (
          <>
            <ToneBadge tone={healthTone(row.health_score)}>
              {format.number(row.health_score)}
            </ToneBadge>
            <Text size="xs" c="dimmed">
              {t(`rating.${ratingOf(row.health_score)}`)}
            </Text>
          </>
        ),
      },
    ],
    [t, format, waiting],
  );
}

function Problems({ row, format, none }: { row: Campaign; format: Format; none: string }) {
  const { t } = useTranslation('campaigns');
  const parts: [Tone, string][] = [];
  if (row.error_count > 0) parts.push(['bad', t('failed', { count: row.error_count, shown: format.number(row.error_count) })]);
  if (row.in_doubt_count > 0) parts.push(['doubt', t('inDoubt', { shown: format.number(row.in_doubt_count) })]);
  if (row.skipped_count > 0) parts.push(['warn', t('skipped', { count: row.skipped_count, shown: format.number(row.skipped_count) })]);
  if (parts.length === 0) return <>{none}</>;
  return (
    <Group gap={4}>
      {parts.map(([tone, text]) => (
        <ToneBadge key={tone} tone={tone}>
          {text}
        </ToneBadge>
      ))}
    </Group>
  );
}

function waitingShown(row: Campaign, waiting: (code: string | null) => string | null): string | null {
  if (row.waiting_reason === null || row.waiting_reason === row.status) return null;
  return row.waiting_reason === 'paused' ? null : waiting(row.waiting_reason);
}
