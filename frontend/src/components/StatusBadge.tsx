import { useTranslation } from 'react-i18next';
import type { Schemas } from '../api/client';
import { ToneBadge } from './ToneBadge';
import type { Tone } from './tones';

export type CampaignStatus =
  'scheduled' | 'pending' | 'running' | 'paused' | 'completed' | 'cancelled' | 'failed';

const TONES: Record<CampaignStatus, Tone> = {
  scheduled: 'info',
  pending: 'neutral',
  running: 'good',
  paused: 'warn',
  completed: 'good',
  cancelled: 'neutral',
  failed: 'bad',
};

/** Where a campaign stands, in words. */
export function StatusBadge({ status }: { status: Schemas['CampaignAnswer']['status'] }) {
  const { t } = useTranslation();
  const known = status as CampaignStatus;
  return <ToneBadge tone={TONES[known]}>{t(`status.${known}`)}</ToneBadge>;
}
