import { useTranslation } from 'react-i18next';
import { useLiveStatus } from '../live';
import { ToneBadge } from './ToneBadge';
import type { Tone } from './tones';

const TONES: Record<string, Tone> = { live: 'good', connecting: 'info', waiting: 'warn', refused: 'warn' };

/** Whether figures arrive as they change. */
export function LiveBadge() {
  const { t } = useTranslation();
  const { kind } = useLiveStatus();
  if (kind === 'idle' || kind === 'resting') return null;
  return (
    <ToneBadge tone={TONES[kind] ?? 'neutral'}>
      <span aria-hidden>●</span>
      {t(kind === 'live' ? 'live.live' : kind === 'connecting' ? 'live.connecting' : 'live.off')}
    </ToneBadge>
  );
}
