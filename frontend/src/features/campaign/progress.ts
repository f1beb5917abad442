/**
 * Where a campaign stands, from what the API answered and the events since. The API's figures are the
 * base; events move the ones they speak of; receipts (delivered, read, replied) come as totals.
 */
import type { Schemas } from '../../api/client';
import type { CampaignEvent, Metrics, ReceiptTotals, Update } from '../../live';

export interface Counts {
  total: number;
  processed: number;
  sent: number;
  errors: number;
  inDoubt: number;
  skipped: number;
  cancelled: number;
  delivered: number;
  read: number;
  replied: number;
}

export interface FeedItem {
  seq: number;
  at: string;
  event: CampaignEvent;
}

export interface Progress {
  /** Of the last event taken into the counts. */
  seq: number;
  counts: Counts;
  status: Metrics['status'];
  remainingSeconds: number | null;
  /** Newest first. */
  feed: readonly FeedItem[];
  /** Sends since `base` by the second they were told in, for the curve. */
  sends: readonly number[];
}

export const MOST_FEED = 100;

/** Events after which figures are asked for again: they change more than they say. */
export const TURNS: ReadonlySet<CampaignEvent['event']> = new Set([
  'campaign_started',
  'campaign_paused',
  'campaign_resumed',
  'campaign_cancelled',
  'campaign_retried',
  'campaign_changed',
  'campaign_complete',
  'circuit_open',
  'circuit_closed',
] as const);

export function countsOf(metrics: Metrics | Schemas['CampaignAnswer']): Counts {
  return {
    total: metrics.total_contacts,
    processed: metrics.processed_count,
    sent: metrics.sent_count,
    errors: metrics.error_count,
    inDoubt: metrics.in_doubt_count,
    skipped: metrics.skipped_count,
    cancelled: metrics.cancelled_count,
    delivered: metrics.delivered_count,
    read: metrics.read_count,
    replied: metrics.replied_count,
  };
}

export function begin(metrics: Metrics): Progress {
  return {
    seq: metrics.last_seq,
    counts: countsOf(metrics),
    status: metrics.status,
    remainingSeconds: metrics.estimated_seconds_remaining,
    feed: [],
    sends: [],
  };
}

/** The API's figures as of `metrics.last_seq`; older than the events, they only tell of receipts. */
export function rebase(progress: Progress, metrics: Metrics): Progress {
  const counts = countsOf(metrics);
  if (metrics.last_seq < progress.seq) {
    const { delivered, read, replied } = counts;
    return { ...progress, counts: { ...progress.counts, delivered, read, replied } };
  }
  return {
    ...progress,
    seq: metrics.last_seq,
    counts,
    status: metrics.status,
    remainingSeconds: metrics.estimated_seconds_remaining,
    sends: [],
  };
}

/** Totals of receipts, which never fall: older ones change nothing. */
export function hear(progress: Progress, totals: ReceiptTotals): Progress {
  const { counts } = progress;
  return {
    ...progress,
    counts: {
      ...counts,
      delivered: Math.max(counts.delivered, totals.delivered),
      read: Math.max(counts.read, totals.read),
      replied: Math.max(counts.replied, totals.replied),
    },
  };
}

/** Events in order; those the figures hold already only go into the feed. */
export function advance(progress: Progress, updates: readonly Update[]): Progress {
  const newest = progress.feed[0]?.seq ?? -1;
  const feed = updates
    .filter((update) => update.seq > newest && update.data.event !== 'progress')
    .map((update) => ({ seq: update.seq, at: update.timestamp, event: update.data }))
    .reverse();
  const next = {
    ...progress,
    counts: { ...progress.counts },
    feed: [...feed, ...progress.feed].slice(0, MOST_FEED),
    sends: [...progress.sends],
  };
  for (const update of updates) {
    if (update.seq <= next.seq) continue;
    next.seq = update.seq;
    take(next, update);
  }
  return next;
}

type Draft = Progress & { counts: Counts; sends: number[] };

function take(draft: Draft, update: Update): void {
  const event = update.data;
  const counts = draft.counts;
  switch (event.event) {
    case 'message_sent':
      counts.sent += 1;
      if (event.late === true) counts.inDoubt = Math.max(0, counts.inDoubt - 1);
      else counts.processed += 1;
      draft.sends.push(Date.parse(update.timestamp));
      break;
    case 'message_error':
      if (event.willRetry) break;
      counts.errors += 1;
      if (event.decided === true) counts.inDoubt = Math.max(0, counts.inDoubt - 1);
      else counts.processed += 1;
      break;
    case 'message_in_doubt':
      counts.inDoubt += 1;
      counts.processed += 1;
      break;
    case 'progress':
      counts.total = event.totalContacts;
      counts.processed = event.currentPosition;
      counts.sent = event.sent;
      counts.errors = event.errors;
      counts.inDoubt = event.inDoubt;
      counts.skipped = event.skipped;
      draft.remainingSeconds = event.estimated_seconds_remaining;
      break;
    case 'campaign_started':
      draft.status = 'running';
      draft.remainingSeconds = event.estimated_seconds_remaining;
      break;
    case 'campaign_paused':
    case 'campaign_resumed':
      draft.status = event.status;
      draft.remainingSeconds = null;
      break;
    case 'campaign_cancelled':
      draft.status = 'cancelled';
      counts.cancelled += event.cancelled;
      counts.processed += event.cancelled;
      break;
    case 'campaign_complete':
      draft.status = event.status;
      draft.remainingSeconds = 0;
      counts.sent = event.totalSent;
      counts.errors = event.totalErrors;
      counts.inDoubt = event.totalInDoubt;
      counts.skipped = event.totalSkipped;
      counts.cancelled = event.totalCancelled;
      counts.processed = event.totalContacts;
      break;
    default:
      break;
  }
}

export interface CurvePoint {
  at: number;
  sent: number;
}

/** The API's curve with the sends told since, empty stretches filled: what a chart shows. */
export function curveOf(
  curve: Schemas['CurveAnswer'],
  sends: readonly number[],
): readonly CurvePoint[] {
  const step = curve.bucket_seconds * 1000;
  const found = new Map<number, number>();
  for (const point of curve.points) {
    const at = Date.parse(point.at);
    found.set(at, (found.get(at) ?? 0) + point.sent);
  }
  for (const instant of sends) {
    const at = Math.floor(instant / step) * step;
    found.set(at, (found.get(at) ?? 0) + 1);
  }
  if (found.size === 0) return [];
  const first = Math.min(...found.keys());
  const last = Math.max(...found.keys());
  const points: CurvePoint[] = [];
  for (let at = first; at <= last && points.length < 2000; at += step) {
    points.push({ at, sent: found.get(at) ?? 0 });
  }
  return points;
}

export const ENDED: ReadonlySet<string> = new Set(['completed', 'cancelled', 'failed']);
