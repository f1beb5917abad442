import { Button, Group as Row, Text, UnstyledButton } from '@mantine/core';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/useSession';
import { useConfirm } from '../../components/ConfirmDialog';
import { ErrorPanel } from '../../components/ErrorPanel';
import { RotateCcwIcon } from '../../components/icons';
import { notifyDone } from '../../components/notify';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import type { Group } from './groups';
import { type Live, useRetry } from './queries';
import classes from './TopErrors.module.css';

interface TopErrorsProps {
  id: string;
  answer: Live;
  onOpen: (group: Group) => void;
}

/** What went wrong most, in plain words; who it was; and sending to them again. */
export const TopErrors = memo(function TopErrors({ id, answer, onOpen }: TopErrorsProps) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const ask = useConfirm();
  const retry = useRetry(id);
  const { campaign } = answer;
  const mayRetry =
    useMay('operator') && campaign.status !== 'cancelled' && campaign.executor === 'engine';
  const skipped = Object.entries(campaign.skipped_reasons);

  const again = async (codes: string[] | null, count: number): Promise<void> => {
    const sure = await ask({
      title: t('retry.title'),
      body: t('retry.body', { count }),
      confirm: t('retry.confirm'),
    });
    if (!sure) return;
    retry.mutate(codes, {
      onSuccess: (answered) => {
        notifyDone(t('retry.done', { count: answered.retried }));
      },
    });
  };

  return (
    <Panel
      title={t('errors.title')}
      actions={
        mayRetry && campaign.top_errors.length > 1 ? (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<RotateCcwIcon size={14} aria-hidden />}
            loading={retry.isPending}
            onClick={() => void again(null, campaign.error_count)}
          >
            {t('retry.all')}
          </Button>
        ) : undefined
      }
    >
      {retry.error !== null && <ErrorPanel error={retry.error} />}
      {campaign.top_errors.length === 0 && skipped.length === 0 && (
        <Text c="dimmed" size="sm">
          {t('errors.none')}
        </Text>
      )}
      <ul className={classes.list}>
        {campaign.top_errors.map((error) => (
          <li key={error.code} className={classes.line}>
            <UnstyledButton
              className={classes.open}
              onClick={() => {
                onOpen({
                  kind: 'failed',
                  filter: { status: ['failed'], reason: error.code },
                  reason: error.error_message,
                });
              }}
            >
              <span className={classes.count}>{format.number(error.count)}</span>
              <span>
                {error.error_message}
                <span className={classes.share}> {format.percent(error.percentage)}</span>
                <span className={classes.hint}>{meaning(error.code, t)}</span>
              </span>
            </UnstyledButton>
            {mayRetry && (
              <Button
                size="compact-sm"
                variant="subtle"
                leftSection={<RotateCcwIcon size={14} aria-hidden />}
                onClick={() => void again([error.code], error.count)}
              >
                {t('retry.these')}
              </Button>
            )}
          </li>
        ))}
        {skipped.map(([code, count]) => (
          <li key={code} className={classes.line}>
            <UnstyledButton
              className={classes.open}
              onClick={() => {
                onOpen({
                  kind: 'skipped',
                  filter: { status: ['skipped'], reason: code },
                  reason: t(`skip.${code as 'duplicate'}`),
                });
              }}
            >
              <span className={classes.count}>{format.number(count)}</span>
              <span>
                {t(`skip.${code as 'duplicate'}`)}
                <span className={classes.hint}>{t('errors.skipped')}</span>
              </span>
            </UnstyledButton>
          </li>
        ))}
      </ul>
      {skipped.length > 0 && (
        <Row mt="xs">
          <Text size="xs" c="dimmed">
            {t('errors.skippedHint')}
          </Text>
        </Row>
      )}
    </Panel>
  );
});

const KNOWN = ['not_on_whatsapp', 'payload_refused', 'media_refused', 'outcome_unknown', 'unreachable'] as const;

function meaning(code: string, t: ReturnType<typeof useTranslation<'campaign'>>['t']): string {
  const known = KNOWN.find((one) => one === code);
  return known === undefined ? '' : t(`meaning.${known}`);
}
