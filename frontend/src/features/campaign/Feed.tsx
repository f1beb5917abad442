import { Anchor, ScrollArea, Text } from '@mantine/core';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { Panel } from '../../components/Panel';
import { type Tone, toneText } from '../../components/tones';
import { useFormat } from '../../format';
import { useLiveStatus } from '../../live';
import classes from './Feed.module.css';
import { EVERYBODY, type Group } from './groups';
import { ENDED, type FeedItem } from './progress';

const SHOWN = 40;

/** What happened last, newest first. */
interface FeedProps {
  items: readonly FeedItem[];
  status: string;
  onOpen: (group: Group) => void;
}

export const Feed = memo(function Feed({ items, status, onOpen }: FeedProps) {
  const { t } = useTranslation('campaign');
  return (
    <Panel title={t('feed.title')}>
      {items.length === 0 ? (
        <Nothing status={status} onOpen={onOpen} />
      ) : (
        <ScrollArea h={244} viewportProps={{ tabIndex: 0, 'aria-label': t('feed.title') }}>
          <ol className={classes.list}>
            {items.slice(0, SHOWN).map((item) => (
              <Line key={item.seq} item={item} />
            ))}
          </ol>
        </ScrollArea>
      )}
    </Panel>
  );
});

/** Nothing to tell is only true before the first event; else it is said where the people are. */
function Nothing({ status, onOpen }: Omit<FeedProps, 'items'>) {
  const { t } = useTranslation('campaign');
  const connected = useLiveStatus().kind === 'live';
  const ended = ENDED.has(status);
  return (
    <Text c="dimmed" size="sm">
      {t(!connected ? 'feed.offline' : ended ? 'feed.forgotten' : 'feed.empty')}{' '}
      {ended && (
        <Anchor
          component="button"
          type="button"
          size="sm"
          onClick={() => {
            onOpen(EVERYBODY);
          }}
        >
          {t('feed.everybody')}
        </Anchor>
      )}
    </Text>
  );
}

const Line = memo(function Line({ item }: { item: FeedItem }) {
  const format = useFormat();
  const { tone, title, detail } = useWords(item);
  return (
    <li className={classes.item}>
      <time dateTime={item.at} className={classes.time}>
        {format.time(item.at)}
      </time>
      <span className={classes.body}>
        <span className={classes.title} style={{ color: toneText(tone) }}>
          {title}
        </span>
        {detail !== '' && <span className={classes.detail}>{detail}</span>}
      </span>
    </li>
  );
});

interface Words {
  tone: Tone;
  title: string;
  detail: string;
}

function useWords({ event }: FeedItem): Words {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  switch (event.event) {
    case 'message_sent':
      return {
        tone: 'good',
        title: t(event.late === true ? 'feed.sentLate' : 'feed.sent', { name: event.contactName }),
        detail: event.messageText ?? format.phone(event.phone),
      };
    case 'message_error':
      return {
        tone: event.willRetry ? 'warn' : 'bad',
        title: event.willRetry
          ? t('feed.retry', {
              name: event.contactName,
              after: format.duration(event.retryInSeconds ?? 0),
            })
          : t('feed.failed', { name: event.contactName }),
        detail: event.error,
      };
    case 'message_in_doubt':
      return {
        tone: 'doubt',
        title: t('feed.inDoubt', { name: event.contactName }),
        detail: event.error,
      };
    case 'campaign_started':
      return {
        tone: 'info',
        title: t(event.reopened ? 'feed.reopened' : 'feed.started'),
        detail: t('feed.startedDetail', {
          valid: format.number(event.validation.valid),
          skipped: format.number(event.validation.skipped),
        }),
      };
    case 'campaign_paused':
      return {
        tone: 'warn',
        title: t(event.reason === 'many_doubts' ? 'feed.pausedDoubts' : 'feed.paused'),
        detail: '',
      };
    case 'campaign_retried':
      return { tone: 'info', title: t('feed.retried', { count: event.count }), detail: '' };
    case 'circuit_open':
      return {
        tone: 'warn',
        title: t('feed.circuitOpen', {
          instance: event.instance,
          until: format.time(event.openUntil),
        }),
        detail: event.reasonText,
      };
    case 'circuit_closed':
      return {
        tone: 'good',
        title: t('feed.circuitClosed', { instance: event.instance }),
        detail: '',
      };
    case 'campaign_cancelled':
      return { tone: 'neutral', title: t('feed.cancelled', { count: event.cancelled }), detail: '' };
    case 'campaign_complete':
      return {
        tone: 'good',
        title: t('feed.complete'),
        detail: t('feed.completeDetail', {
          sent: format.number(event.totalSent),
          errors: format.number(event.totalErrors),
          doubts: format.number(event.totalInDoubt),
        }),
      };
    case 'campaign_created':
      return { tone: 'neutral', title: t('feed.created'), detail: '' };
    case 'campaign_resumed':
      return { tone: 'info', title: t('feed.resumed'), detail: '' };
    case 'campaign_changed':
      return { tone: 'neutral', title: t('feed.changed'), detail: '' };
    default:
      return { tone: 'neutral', title: event.event, detail: '' };
  }
}
