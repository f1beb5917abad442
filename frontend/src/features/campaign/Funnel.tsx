import { useTranslation } from 'react-i18next';
import {
  BanIcon,
  CheckCheckIcon,
  CheckIcon,
  CircleQuestionMarkIcon,
  CircleXIcon,
  ClockIcon,
  EyeIcon,
  ReplyIcon,
  SendIcon,
  SkipForwardIcon,
  ZapIcon,
} from '../../components/icons';
import { Panel } from '../../components/Panel';
import { StatTile } from '../../components/StatTile';
import { TileGrid } from '../../components/TileGrid';
import type { Tone } from '../../components/tones';
import { useFormat } from '../../format';
import { type Group, GROUPS, type GroupKind } from './groups';
import type { Progress } from './progress';
import type { Live } from './queries';

interface FunnelProps {
  answer: Live;
  progress: Progress;
  onOpen: (group: Group) => void;
}

const ICONS = {
  queued: ClockIcon,
  sending: ZapIcon,
  sent: SendIcon,
  acked: CheckIcon,
  delivered: CheckCheckIcon,
  read: EyeIcon,
  replied: ReplyIcon,
  skipped: SkipForwardIcon,
  failed: CircleXIcon,
  inDoubt: CircleQuestionMarkIcon,
  cancelled: BanIcon,
} as const;

/** Every step of a message, and every way out. Each figure opens its people. */
export function Funnel({ answer, progress, onOpen }: FunnelProps) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const { counts } = progress;
  const open = Math.max(0, counts.total - counts.processed);
  const sending = Math.min(answer.stages.sending, open);
  const figures: Record<GroupKind, number> = {
    queued: open - sending,
    sending,
    sent: counts.sent,
    acked: Math.min(Math.max(answer.stages.acked, counts.delivered), counts.sent),
    delivered: counts.delivered,
    read: counts.read,
    replied: counts.replied,
    skipped: counts.skipped,
    failed: counts.errors,
    inDoubt: counts.inDoubt,
    cancelled: counts.cancelled,
  };
  const ofSent = (count: number): string | undefined =>
    counts.sent === 0 ? undefined : t('ofSent', { share: format.percent((100 * count) / counts.sent) });

  const tile = (kind: GroupKind, tone: Tone, hint?: string) => {
    const Icon = ICONS[kind];
    return (
      <StatTile
        key={kind}
        label={t(`stage.${kind}`)}
        value={format.number(figures[kind])}
        tone={figures[kind] === 0 && tone !== 'good' ? 'neutral' : tone}
        hint={hint}
        icon={<Icon size={15} aria-hidden />}
        openLabel={t('openPeople')}
        onOpen={() => {
          onOpen({ kind, ...GROUPS[kind] });
        }}
      />
    );
  };

  return (
    <Panel title={t('funnel')}>
      <TileGrid>
        {tile('queued', 'neutral')}
        {tile('sending', 'info')}
        {tile('sent', 'good', t('hint.sent'))}
        {tile('acked', 'good', ofSent(figures.acked))}
        {tile('delivered', 'good', ofSent(figures.delivered))}
        {tile('read', 'good', ofSent(figures.read))}
        {tile('replied', 'good', ofSent(figures.replied))}
        {tile('inDoubt', 'doubt', t('hint.inDoubt'))}
        {tile('failed', 'bad', t('hint.failed'))}
        {tile('skipped', 'warn', t('hint.skipped'))}
        {figures.cancelled > 0 && tile('cancelled', 'neutral')}
      </TileGrid>
    </Panel>
  );
}
