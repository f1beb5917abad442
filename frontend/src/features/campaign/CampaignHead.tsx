import { Anchor, Button, Group, Menu } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useMay } from '../../app/useSession';
import { useConfirm } from '../../components/ConfirmDialog';
import { ErrorPanel } from '../../components/ErrorPanel';
import {
  ChevronDownIcon,
  CircleStopIcon,
  DownloadIcon,
  GaugeIcon,
  PauseIcon,
  PlayIcon,
  PrinterIcon,
} from '../../components/icons';
import { LiveBadge } from '../../components/LiveBadge';
import { notifyDone } from '../../components/notify';
import { PageHeader } from '../../components/PageHeader';
import { type CampaignStatus, StatusBadge } from '../../components/StatusBadge';
import { ToneBadge } from '../../components/ToneBadge';
import { useWaiting } from '../../components/useWaiting';
import { PaceDialog } from './PaceDialog';
import { ENDED } from './progress';
import { type ExportFormat, type Live, type Move, useExport, useMove } from './queries';

const FORMATS: readonly ExportFormat[] = ['xlsx', 'csv', 'json'];

interface CampaignHeadProps {
  id: string;
  answer: Live;
  /** As the events have it, which may be ahead of the answer. */
  status: CampaignStatus;
}

/** Name, state, and what may be done now. */
export function CampaignHead({ id, answer, status }: CampaignHeadProps) {
  const { t } = useTranslation('campaign');
  const waiting = useWaiting();
  const ask = useConfirm();
  const mayOperate = useMay('operator');
  const move = useMove(id);
  const download = useExport(id);
  const [pace, setPace] = useState(false);
  const { campaign } = answer;
  const ended = ENDED.has(status);
  const why = status === campaign.status ? waiting(campaign.waiting_reason) : null;

  const act = async (next: Move): Promise<void> => {
    if (next === 'cancel') {
      const open = answer.metrics.total_contacts - answer.metrics.processed_count;
      const sure = await ask({
        title: t('cancel.title'),
        body: t('cancel.body', { count: open }),
        confirm: t('cancel.confirm'),
        danger: true,
      });
      if (!sure) return;
    }
    move.mutate(next, {
      onSuccess: () => {
        notifyDone(t(`done.${next}`));
      },
    });
  };

  return (
    <>
      <PageHeader
        title={campaign.name}
        description={
          <Group gap="xs" mt={4}>
            <StatusBadge status={status} />
            {!ended && <LiveBadge />}
            {why !== null && status !== 'paused' && <ToneBadge tone="warn">{why}</ToneBadge>}
            {status === 'paused' && campaign.waiting_reason === 'many_doubts' && (
              <ToneBadge tone="doubt">{waiting('many_doubts')}</ToneBadge>
            )}
            {campaign.completed_with_doubts && ended && (
              <ToneBadge tone="doubt">{t('withDoubts')}</ToneBadge>
            )}
            <Anchor component={Link} to="/campanhas" size="sm">
              {t('allCampaigns')}
            </Anchor>
          </Group>
        }
        actions={
          <Group gap="xs" className="no-print">
            {mayOperate && !ended && status !== 'paused' && (
              <Button
                variant="default"
                leftSection={<PauseIcon size={16} aria-hidden />}
                loading={move.isPending && move.variables === 'pause'}
                onClick={() => void act('pause')}
              >
                {t('action.pause')}
              </Button>
            )}
            {mayOperate && status === 'paused' && (
              <Button
                leftSection={<PlayIcon size={16} aria-hidden />}
                loading={move.isPending && move.variables === 'resume'}
                onClick={() => void act('resume')}
              >
                {t('action.resume')}
              </Button>
            )}
            {mayOperate && !ended && campaign.executor === 'engine' && (
              <Button
                variant="default"
                leftSection={<GaugeIcon size={16} aria-hidden />}
                onClick={() => {
                  setPace(true);
                }}
              >
                {t('action.pace')}
              </Button>
            )}
            {mayOperate && (
              <Menu position="bottom-end">
                <Menu.Target>
                  <Button
                    variant="default"
                    leftSection={<DownloadIcon size={16} aria-hidden />}
                    rightSection={<ChevronDownIcon size={14} aria-hidden />}
                    loading={download.isPending}
                  >
                    {t('action.export')}
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  {FORMATS.map((format) => (
                    <Menu.Item
                      key={format}
                      onClick={() => {
                        download.mutate(format);
                      }}
                    >
                      {t(`export.${format}`)}
                    </Menu.Item>
                  ))}
                  <Menu.Divider />
                  <Menu.Item
                    component={Link}
                    to={`/campanhas/${id}/relatorio`}
                    leftSection={<PrinterIcon size={16} aria-hidden />}
                  >
                    {t('action.report')}
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
            {mayOperate && !ended && (
              <Button
                variant="subtle"
                color="red"
                c="var(--mantine-color-error)"
                leftSection={<CircleStopIcon size={16} aria-hidden />}
                loading={move.isPending && move.variables === 'cancel'}
                onClick={() => void act('cancel')}
              >
                {t('action.cancel')}
              </Button>
            )}
          </Group>
        }
      />
      {move.error !== null && <ErrorPanel error={move.error} />}
      {download.error !== null && <ErrorPanel error={download.error} title={t('exportFailed')} />}
      <PaceDialog
        id={id}
        campaign={campaign}
        opened={pace}
        onClose={() => {
          setPace(false);
        }}
      />
    </>
  );
}
