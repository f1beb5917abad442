import { useTranslation } from 'react-i18next';
import type { Schemas } from '../api/client';
import { ToneBadge } from './ToneBadge';
import type { Tone } from './tones';

export type CampaignStatus = Schemas['CampaignAnswer']['status'];

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
export function StatusBadge({ status }: { status: CampaignStatus }) {
  const { t } = useTranslation();
  return <ToneBadge tone={TONES[status]}>{t(`status.${status}`)}</ToneBadge>;
}
