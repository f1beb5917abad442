import { Alert, Anchor, Button, SimpleGrid, Skeleton, Stack } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { useMay } from '../../app/useSession';
import { ErrorPanel } from '../../components/ErrorPanel';
import { PlusIcon, TriangleAlertIcon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { StatTile } from '../../components/StatTile';
import { TileGrid } from '../../components/TileGrid';
import { useFormat } from '../../format';
import { InstanceLines } from '../instances/InstanceLines';
import { useInstances } from '../instances/queries';
import { FirstSteps } from './FirstSteps';
import { useDashboard } from './queries';
import { RecentCampaigns } from './RecentCampaigns';
import { totalsOf } from './totals';

const DayCharts = lazy(() => import('./DayCharts'));

export default function DashboardPage() {
  const { t } = useTranslation('dashboard');
  const maySend = useMay('operator');
  const { data, error, refetch } = useDashboard();
  const instances = useInstances();
  return (
    <>
      <PageHeader
        title={t('title')}
        actions={
          maySend && (
            <Button component={Link} to="/campanhas/nova" leftSection={<PlusIcon size={16} aria-hidden />}>
              {t('newCampaign')}
            </Button>
          )
        }
      />
      <Stack>
        {instances.data?.length === 0 || instances.data?.every((each) => each.state !== 'open') ? (
          <Alert color="yellow" variant="outline" icon={<TriangleAlertIcon aria-hidden />} title={t('noNumber.title')}>
            {t('noNumber.body')}{' '}
            <Anchor component={Link} to="/numeros" size="sm" underline="always">
              {t('noNumber.action')}
            </Anchor>
          </Alert>
        ) : null}
        {error !== null && <ErrorPanel error={error} onRetry={() => void refetch()} />}
        {data === undefined ? (
          error === null && <Loading />
        ) : data.summary.total_campaigns === 0 ? (
          <FirstSteps connected={instances.data?.some((each) => each.state === 'open') ?? false} />
        ) : (
          <>
            <Tiles dashboard={data} />
            <Panel title={t('chart.title')}>
              <Suspense fallback={<Skeleton h={400} />}>
                <DayCharts days={data.daily_performance} />
              </Suspense>
            </Panel>
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Panel
                title={t('recent.title')}
                actions={
                  <Anchor component={Link} to="/campanhas" size="sm">
                    {t('recent.all')}
                  </Anchor>
                }
              >
                <RecentCampaigns campaigns={data.recent_campaigns} />
              </Panel>
              <Panel
                title={t('numbers')}
                actions={
                  <Anchor component={Link} to="/numeros" size="sm">
                    {t('numbersAll')}
                  </Anchor>
                }
              >
                <InstanceLines instances={instances.data ?? []} now={instances.dataUpdatedAt} />
              </Panel>
            </SimpleGrid>
          </>
        )}
      </Stack>
    </>
  );
}

function Tiles({ dashboard }: { dashboard: NonNullable<ReturnType<typeof useDashboard>['data']> }) {
  const { t } = useTranslation('dashboard');
  const format = useFormat();
  const navigate = useNavigate();
  const { summary } = dashboard;
  const totals = totalsOf(dashboard.daily_performance);
  return (
    <TileGrid>
      <StatTile
        label={t('tile.sent')}
        value={format.number(totals.sent)}
        hint={t('tile.sentHint', { today: format.number(totals.today) })}
        tone="good"
      />
      <StatTile
        label={t('tile.rate')}
        value={totals.successRate === null ? null : format.percent(totals.successRate)}
        hint={t('tile.rateHint')}
      />
      <StatTile
        label={t('tile.errors')}
        value={format.number(totals.errors)}
        hint={t('tile.errorsHint')}
        tone={totals.errors > 0 ? 'bad' : 'neutral'}
      />
      <StatTile
        label={t('tile.doubt')}
        value={format.number(summary.total_in_doubt)}
        hint={t('tile.doubtHint')}
        tone={summary.total_in_doubt > 0 ? 'doubt' : 'neutral'}
      />
      <StatTile
        label={t('tile.running')}
        value={format.number(summary.running_campaigns)}
        hint={t('tile.runningHint', {
          done: format.number(summary.completed_campaigns),
          total: format.number(summary.total_campaigns),
        })}
        onOpen={() => void navigate('/campanhas?status=running')}
        openLabel={t('tile.runningOpen')}
      />
    </TileGrid>
  );
}
