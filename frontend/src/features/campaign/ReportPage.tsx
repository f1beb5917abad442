import { Anchor, Button, Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { api, type Schemas, told } from '../../api/client';
import { ErrorPanel } from '../../components/ErrorPanel';
import { PrinterIcon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { useFormat } from '../../format';
import { type Live, useLive } from './queries';

/** The campaign on paper. */
export default function ReportPage() {
  const { id = '' } = useParams();
  const live = useLive(id);
  const performance = useQuery({
    queryKey: ['campaign', id, 'performance'],
    queryFn: async ({ signal }) =>
      (
        await told(
          api.GET('/api/campaigns/{reference}/performance', {
            params: { path: { reference: id } },
            signal,
          }),
        )
      ).performance,
  });
  const error = live.error ?? performance.error;
  if (error !== null) {
    return (
      <ErrorPanel
        error={error}
        onRetry={() => {
          void live.refetch();
          void performance.refetch();
        }}
      />
    );
  }
  if (live.data === undefined || performance.data === undefined) return <Loading />;
  return <Report id={id} live={live.data} performance={performance.data} />;
}

interface ReportProps {
  id: string;
  live: Live;
  performance: Schemas['CampaignPerformance'];
}

function Report({ id, live, performance }: ReportProps) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const { campaign, metrics } = live;
  const lines = (
    [
      ['sent', metrics.sent_count],
      ['delivered', metrics.delivered_count],
      ['read', metrics.read_count],
      ['replied', metrics.replied_count],
      ['failed', metrics.error_count],
      ['inDoubt', metrics.in_doubt_count],
      ['skipped', metrics.skipped_count],
      ['cancelled', metrics.cancelled_count],
    ] as const
  ).map(([stage, count]) => [t(`stage.${stage}`), count] as const);
  const timing = performance.timing_stats;
  const seconds = (value: number | null): string => (value === null ? '–' : format.number(value));

  return (
    <Stack>
      <PageHeader
        title={t('report.title', { name: campaign.name })}
        description={
          <Group gap="xs">
            <StatusBadge status={campaign.status} />
            <span>{t('report.generated', { at: format.dateTime(live.read_at) })}</span>
            <span>{t('text.code', { code: campaign.campaign_id })}</span>
          </Group>
        }
        actions={
          <Group className="no-print" gap="xs">
            <Anchor component={Link} to={`/campanhas/${id}`} size="sm">
              {t('report.back')}
            </Anchor>
            <Button
              leftSection={<PrinterIcon size={16} aria-hidden />}
              onClick={() => {
                print();
              }}
            >
              {t('report.print')}
            </Button>
          </Group>
        }
      />
      <Panel title={t('report.summary')}>
        <Lines
          head={[t('report.result'), t('report.count'), t('report.share')]}
          rows={[
            ...lines.map(([label, count]) => [
              label,
              format.number(count),
              format.percent((100 * count) / metrics.total_contacts),
            ]),
            [t('report.total'), format.number(metrics.total_contacts), ''],
          ]}
        />
      </Panel>
      {campaign.top_errors.length > 0 && (
        <Panel title={t('report.topErrors')}>
          <Lines
            head={[t('report.result'), t('report.count'), t('report.share')]}
            rows={performance.top_errors.map((error) => [
              error.error_message,
              format.number(error.count),
              format.percent(error.percentage),
            ])}
          />
        </Panel>
      )}
      {performance.hourly_analysis.length > 0 && (
        <Panel title={t('report.hours')}>
          <Lines
            head={[t('report.hour'), t('report.sent'), t('report.errors'), t('report.success')]}
            rows={performance.hourly_analysis.map((hour) => [
              `${hour.hour} h`,
              format.number(hour.sent),
              format.number(hour.errors),
              format.percent(hour.success_rate),
            ])}
          />
        </Panel>
      )}
      <Panel title={t('report.timing')}>
        <Text size="sm">
          {t('report.timingLine', {
            avg: seconds(timing.avg_send_time_seconds),
            p50: seconds(timing.p50_send_time_seconds),
            p95: seconds(timing.p95_send_time_seconds),
          })}
        </Text>
      </Panel>
    </Stack>
  );
}

function Lines({ head, rows }: { head: readonly string[]; rows: readonly (readonly string[])[] }) {
  return (
    <Table>
      <Table.Thead>
        <Table.Tr>
          {head.map((name, index) => (
            <Table.Th key={name} ta={index === 0 ? 'left' : 'right'}>
              {name}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row[0]}>
            {row.map((cell, index) => (
              <Table.Td key={head[index]} ta={index === 0 ? 'left' : 'right'}>
                {cell}
              </Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
