import { SimpleGrid, Stack } from '@mantine/core';
import { lazy, memo, Suspense, useCallback, useDeferredValue, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { ErrorPanel } from '../../components/ErrorPanel';
import { Loading } from '../../components/Loading';
import { CampaignHead } from './CampaignHead';
import { ConnectionBar } from './ConnectionBar';
import { DoubtsDrawer } from './DoubtsDrawer';
import { Feed } from './Feed';
import { Funnel } from './Funnel';
import { Lanes } from './Lanes';
import type { Group } from './groups';
import { PeopleDrawer } from './PeopleDrawer';
import { ProgressPanel } from './ProgressPanel';
import { type Live, useLive } from './queries';
import { TextPanel } from './TextPanel';
import { TopErrors } from './TopErrors';
import { useProgress } from './useProgress';

const SendCurve = lazy(() => import('./SendCurve')); // brings the chart library

/** One campaign, watched as it is sent. */
export default function CampaignPage() {
  const { id = '' } = useParams();
  return <Opened key={id} id={id} />;
}

function Opened({ id }: { id: string }) {
  const { t } = useTranslation('campaign');
  const answer = useLive(id);
  const shown = useDeferredValue(answer.data); // drawn in slices: what a person does comes first
  if (shown === undefined) {
    if (answer.error === null) return <Loading />;
    return (
      <ErrorPanel
        error={answer.error}
        title={t('notLoaded')}
        onRetry={() => void answer.refetch()}
      />
    );
  }
  return <Watched key={shown.campaign.campaign_id} id={id} answer={shown} />;
}

const Watched = memo(function Watched({ id, answer }: { id: string; answer: Live }) {
  const { progress, recovered, forget } = useProgress(id, answer);
  const [group, setGroup] = useState<Group | null>(null);
  const [doubts, setDoubts] = useState(false);
  const open = useCallback((next: Group): void => {
    if (next.kind === 'inDoubt') setDoubts(true);
    else setGroup(next);
  }, []);
  return (
    <Stack gap="md">
      <CampaignHead id={id} answer={answer} status={progress.status} />
      <ConnectionBar recovered={recovered} onForget={forget} status={progress.status} />
      <ProgressPanel answer={answer} progress={progress} />
      <Funnel answer={answer} progress={progress} onOpen={open} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Suspense fallback={<Loading />}>
          <SendCurve curve={answer.curve} sends={progress.sends} />
        </Suspense>
        <Feed items={progress.feed} status={progress.status} onOpen={open} />
      </SimpleGrid>
      <Lanes lanes={answer.lanes} readAt={answer.read_at} status={progress.status} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <TopErrors id={id} answer={answer} onOpen={open} />
        <TextPanel campaign={answer.campaign} />
      </SimpleGrid>
      <PeopleDrawer
        id={id}
        group={group}
        onClose={() => {
          setGroup(null);
        }}
      />
      <DoubtsDrawer
        id={id}
        opened={doubts}
        onClose={() => {
          setDoubts(false);
        }}
      />
    </Stack>
  );
});
