import { Text } from '@mantine/core';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../../api/client';
import { Panel } from '../../components/Panel';
import { ToneBadge } from '../../components/ToneBadge';
import type { Tone } from '../../components/tones';
import { useFormat } from '../../format';
import classes from './Lanes.module.css';
import { ENDED } from './progress';

type Lane = Schemas['LaneAnswer'];

interface LanesProps {
  lanes: readonly Lane[];
  /** When the figures were read: events do not say which number sent. */
  readAt: string;
  status: string;
}

/** The numbers that send: what each has in hand, when it sends next, why it does not. */
export const Lanes = memo(function Lanes({ lanes, readAt, status }: LanesProps) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const ended = ENDED.has(status);
  return (
    <Panel
      title={t('lanes.title')}
      actions={
        ended ? undefined : (
          <Text size="xs" c="dimmed">
            {t('lanes.asOf', { at: format.time(readAt) })}
          </Text>
        )
      }
    >
      {lanes.length === 0 ? (
        <Text c="dimmed" size="sm">
          {t('lanes.none')}
        </Text>
      ) : (
        <ul className={classes.list}>
          {lanes.map((lane) => (
            <LaneLine key={lane.name} lane={lane} ended={ended} />
          ))}
        </ul>
      )}
    </Panel>
  );
});

function LaneLine({ lane, ended }: { lane: Lane; ended: boolean }) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const { tone, word } = useLaneState(lane);
  const facts: [string, string][] = [
    [t('lanes.sent'), format.number(lane.sent)],
    ...(ended
      ? []
      : ([
          [t('lanes.rate'), format.number(lane.sent_last_minute)],
          [t('lanes.inFlight'), format.number(lane.in_flight)],
          [
            t('lanes.next'),
            lane.next_send_at === null ? '–' : format.time(lane.next_send_at),
          ],
        ] as [string, string][])),
    [t('lanes.lastAck'), lane.last_ack_at === null ? '–' : format.dateTime(lane.last_ack_at)],
  ];
  return (
    <li className={classes.lane}>
      <div className={classes.name}>
        <strong>{lane.name}</strong>
        <ToneBadge tone={tone}>{word}</ToneBadge>
        {!ended && lane.waiting_for !== null && lane.waiting_for !== 'instance_offline' && (
          <Text size="sm" c="dimmed">
            {lane.waiting_for === 'breaker_open'
              ? t('lanes.wait.breaker_open', {
                  until: format.time(lane.breaker.open_until ?? new Date()),
                  reason: lane.breaker.reason_text ?? '',
                })
              : t(`lanes.wait.${lane.waiting_for}`)}
          </Text>
        )}
      </div>
      <dl className={classes.facts}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

function useLaneState(lane: Lane): { tone: Tone; word: string } {
  const { t } = useTranslation('campaign');
  if (lane.state !== 'open') return { tone: 'bad', word: t('lanes.offline') };
  if (lane.breaker.state === 'open') return { tone: 'warn', word: t('lanes.resting') };
  if (lane.breaker.state === 'half-open') return { tone: 'info', word: t('lanes.probing') };
  return { tone: 'good', word: t('lanes.connected') };
}
