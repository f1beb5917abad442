import { Progress, Stack, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/ErrorPanel';
import { Loading } from '../../components/Loading';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { StatTile } from '../../components/StatTile';
import { TileGrid } from '../../components/TileGrid';
import { useFormat } from '../../format';
import { usePlan } from './queries';

export default function LimitsPage() {
  const { t } = useTranslation('limits');
  const format = useFormat();
  const { data, error, refetch } = usePlan();
  const limits = (): [label: string, value: ReactNode][] => {
    if (data === undefined) return [];
    const { plan } = data;
    return [
      [t('limit.running'), format.number(plan.running_campaigns)],
      [t('limit.speed'), t('perSecond', { value: format.decimal(plan.messages_per_second) })],
      [t('limit.burst'), format.number(plan.burst_per_second)],
      [t('limit.inFlight'), format.number(plan.in_flight_per_instance)],
      [t('limit.requests'), format.number(plan.requests_per_minute)],
      [t('limit.foreign'), t(plan.foreign_numbers ? 'yes' : 'no')],
    ];
  };
  return (
    <>
      <PageHeader title={t('title')} description={t('description')} />
      {error !== null && <ErrorPanel error={error} onRetry={() => void refetch()} />}
      {data === undefined ? (
        error === null && <Loading />
      ) : (
        <Stack>
          <TileGrid>
            <StatTile
              label={t('tile.today')}
              value={format.number(data.usage.sent_today)}
              hint={t('tile.failed', { failed: format.number(data.usage.errors_today) })}
            />
            <StatTile
              label={t('tile.month')}
              value={format.number(data.usage.sent_30_days)}
              hint={t('tile.failed', { failed: format.number(data.usage.errors_30_days) })}
            />
            <StatTile
              label={t('tile.numbers')}
              value={format.number(data.usage.connected_instances)}
              hint={t('tile.ofNumbers', { total: format.number(data.usage.instances) })}
            />
          </TileGrid>
          <Panel title={t('use')}>
            <Stack>
              <Bar
                label={t('bar.running')}
                used={data.usage.running_campaigns}
                limit={data.plan.running_campaigns}
                note={
                  data.usage.waiting_campaigns > 0
                    ? t('bar.waiting', { count: data.usage.waiting_campaigns })
                    : undefined
                }
              />
              <Bar
                label={t('bar.requests')}
                used={data.plan.requests_per_minute - data.usage.requests_remaining}
                limit={data.plan.requests_per_minute}
                note={t('bar.requestsNote')}
              />
            </Stack>
          </Panel>
          <Panel title={t('limits')}>
            <Table>
              <Table.Tbody>
                {limits().map(([label, value]) => (
                  <Table.Tr key={label}>
                    <Table.Th scope="row" fw={450}>
                      {label}
                    </Table.Th>
                    <Table.Td ta="right" fw={600}>
                      {value}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
            <Text size="sm" c="dimmed" mt="sm">
              {t('days', { zone: format.zone(data.usage.time_zone) })}
            </Text>
          </Panel>
        </Stack>
      )}
    </>
  );
}

interface BarProps {
  label: string;
  used: number;
  limit: number;
  note?: string;
}

function Bar({ label, used, limit, note }: BarProps) {
  const { t } = useTranslation('limits');
  const format = useFormat();
  const said = t('bar.of', { used: format.number(used), limit: format.number(limit) });
  return (
    <div>
      <Text size="sm" fw={600}>
        {label}: {said}
      </Text>
      <Progress value={Math.min(100, (100 * used) / limit)} aria-label={label} mt={4} />
      {note !== undefined && (
        <Text size="xs" c="dimmed" mt={2}>
          {note}
        </Text>
      )}
    </div>
  );
}
