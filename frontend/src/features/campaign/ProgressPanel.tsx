import { Progress as Bar, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import classes from './ProgressPanel.module.css';
import { ENDED, type Progress } from './progress';
import type { Live } from './queries';

/** How far, how fast, until when, how well. */
export function ProgressPanel({ answer, progress }: { answer: Live; progress: Progress }) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const { counts, status } = progress;
  const { metrics } = answer;
  const share = counts.total === 0 ? 0 : (100 * counts.processed) / counts.total;
  const shown = share < 100 ? Math.min(share, 99.9) : 100;
  const part = (count: number): number => (counts.total === 0 ? 0 : (100 * count) / counts.total);
  const ended = ENDED.has(status);
  const durationText = (seconds: number | null): string => {
    if (seconds === null) return '–';
    return seconds < 1 ? t('fact.instant') : format.duration(seconds);
  };
  const facts: [string, string, string?][] = [
    [t('fact.speed'), t('fact.perMinute', { speed: format.decimal(metrics.messages_per_minute) })],
    ended
      ? [
          t('fact.duration'),
          durationText(metrics.duration_seconds),
        ]
      : [
          t('fact.remaining'),
          status === 'paused'
            ? t('fact.stopped')
            : progress.remainingSeconds === null
              ? t('fact.unknown')
            : format.duration(progress.remainingSeconds),
          progress.remainingSeconds === null ? undefined : t('fact.estimated'),
        ],
    [
      t('fact.health'),
      `${metrics.health_score} · ${t(`rating.${metrics.health.rating}`)}`,
      t('fact.healthHint', { rate: format.percent(metrics.success_rate) }),
    ],
    campaignTime(answer, t, format.dateTime),
  ];
  return (
    <Panel>
      <div className={classes.head}>
        <span className={classes.share}>{format.percent(Math.floor(shown * 10) / 10)}</span>
        <span>
          {t('processedOf', {
            processed: format.number(counts.processed),
            total: format.number(counts.total),
          })}
        </span>
      </div>
      <Bar.Root size="lg" mt="xs" aria-label={t('progressLabel')}>
        <Bar.Section value={part(counts.sent)} color="brand.7" aria-label={t('stage.sent')} />
        <Bar.Section value={part(counts.inDoubt)} color="grape.6" aria-label={t('stage.inDoubt')} />
        <Bar.Section value={part(counts.errors)} color="red.8" aria-label={t('stage.failed')} />
        <Bar.Section
          value={part(counts.skipped + counts.cancelled)}
          color="gray.6"
          aria-label={t('stage.skipped')}
        />
      </Bar.Root>
      <dl className={classes.facts}>
        {facts.map(([label, value, hint]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {value}
              {hint !== undefined && <span className={classes.hint}>{hint}</span>}
            </dd>
          </div>
        ))}
      </dl>
      <HealthWhy metrics={metrics} />
    </Panel>
  );
}

/** A low score without a reason is only a worry. */
function HealthWhy({ metrics }: { metrics: Live['metrics'] }) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const { deductions, error_rate, success_rate } = metrics.health;
  const parts = (['error_rate', 'success_rate', 'messages_per_minute'] as const).flatMap((name) => {
    const points = deductions[name];
    if (points === undefined) return [];
    const rate = format.percent(name === 'error_rate' ? error_rate : success_rate);
    return [t(`fact.healthPart.${name}`, { points: format.number(points), rate })];
  });
  if (parts.length === 0) return null;
  return (
    <Text size="sm" mt="sm">
      {t('fact.healthWhy', { parts: parts.join('; ') })}{' '}
      {deductions.error_rate !== undefined && t('fact.healthErrors')}{' '}
      {deductions.messages_per_minute !== undefined && t('fact.healthSpeed')}
    </Text>
  );
}

type T = ReturnType<typeof useTranslation<'campaign'>>['t'];

function campaignTime(
  { campaign }: Live,
  t: T,
  dateTime: (value: string) => string,
): [string, string] {
  if (campaign.finished_at !== null) return [t('fact.finishedAt'), dateTime(campaign.finished_at)];
  if (campaign.started_at !== null) return [t('fact.startedAt'), dateTime(campaign.started_at)];
  if (campaign.scheduled_at !== null) return [t('fact.scheduledAt'), dateTime(campaign.scheduled_at)];
  return [t('fact.createdAt'), dateTime(campaign.created_at)];
}
