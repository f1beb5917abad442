import { expect, it } from 'vitest';
import type { Metrics, Update } from '../../live';
import { advance, begin, curveOf, hear, MOST_FEED, rebase } from './progress';

const metrics = (over: Partial<Metrics> = {}): Metrics =>
  ({
    status: 'running',
    total_contacts: 100,
    processed_count: 12,
    sent_count: 10,
    error_count: 1,
    in_doubt_count: 1,
    skipped_count: 0,
    cancelled_count: 0,
    delivered_count: 6,
    read_count: 2,
    replied_count: 0,
    estimated_seconds_remaining: 600,
    last_seq: 20,
    ...over,
  }) as Metrics;

const at = '2026-01-01T12:00:00.000Z';
const update = (seq: number, data: object): Update =>
  ({ type: 'campaign_update', campaignId: 'C', seq, prevSeq: seq - 1, timestamp: at, data }) as Update;
const who = { contactName: 'Ana', phone: '5511999999999' };
const sent = (seq: number, over: object = {}) =>
  update(seq, { event: 'message_sent', ...who, messageText: 'Oi', ...over });
const error = (seq: number, over: object = {}) =>
  update(seq, { event: 'message_error', ...who, error: 'x', errorCode: 'x', attempt: 1, willRetry: false, ...over });

it('counts what events say, each message once', () => {
  const next = advance(begin(metrics()), [
    sent(21),
    error(22, { willRetry: true }),
    error(23),
    update(24, { event: 'message_in_doubt', ...who, error: 'x', errorCode: 'timeout', attempt: 1 }),
  ]);
  expect(next.counts).toMatchObject({ sent: 11, errors: 2, inDoubt: 2, processed: 15 });
  expect(next.seq).toBe(24);
});

it('moves a settled doubt, which was processed before', () => {
  const next = advance(begin(metrics()), [sent(21, { late: true })]);
  expect(next.counts).toMatchObject({ sent: 11, inDoubt: 0, processed: 12 });
  const given = advance(begin(metrics()), [error(21, { decided: true })]);
  expect(given.counts).toMatchObject({ errors: 2, inDoubt: 0, processed: 12 });
});

it('shows replayed events in the feed without counting them again', () => {
  const next = advance(begin(metrics()), [sent(18), sent(19), sent(20), sent(21)]);
  expect(next.counts.sent).toBe(11);
  expect(next.feed.map((item) => item.seq)).toEqual([21, 20, 19, 18]);
});

it('takes totals of receipts, in whatever order they come', () => {
  const newer = hear(begin(metrics()), { delivered: 9, read: 4, replied: 1 });
  const older = hear(newer, { delivered: 8, read: 4, replied: 0 });
  expect(older.counts).toMatchObject({ delivered: 9, read: 4, replied: 1, sent: 10, processed: 12 });
  expect(older.seq).toBe(20);
});

it('takes the figures of a progress as they are', () => {
  const next = advance(begin(metrics()), [
    sent(21),
    update(22, {
      event: 'progress', currentPosition: 15, totalContacts: 100, progressPercentage: 15,
      sent: 13, errors: 1, inDoubt: 1, skipped: 0, estimated_seconds_remaining: 500,
    }),
  ]);
  expect(next.counts).toMatchObject({ sent: 13, errors: 1, inDoubt: 1, processed: 15 });
  expect(next.remainingSeconds).toBe(500);
});

it('takes an answer that is newer whole, and of an older one the receipts only', () => {
  const ahead = advance(begin(metrics()), [sent(21), sent(22)]);
  const older = rebase(ahead, metrics({ last_seq: 21, sent_count: 11, delivered_count: 9 }));
  expect(older.counts).toMatchObject({ sent: 12, delivered: 9 });
  const newer = rebase(older, metrics({ last_seq: 30, sent_count: 20, processed_count: 22 }));
  expect(newer.counts).toMatchObject({ sent: 20, processed: 22 });
  expect(newer.sends).toEqual([]);
});

it('ends with the totals of the end', () => {
  const next = advance(begin(metrics()), [
    update(21, {
      event: 'campaign_complete', status: 'completed', totalContacts: 100, totalSent: 97,
      totalErrors: 2, totalInDoubt: 1, totalSkipped: 0, totalCancelled: 0, successRate: 98,
      duration: 60, completedWithDoubts: true,
    }),
  ]);
  expect(next.counts).toMatchObject({ processed: 100, sent: 97, errors: 2, inDoubt: 1 });
  expect(next.status).toBe('completed');
});

it('keeps a feed of bounded length', () => {
  const many = Array.from({ length: 3 * MOST_FEED }, (_, index) => sent(21 + index));
  const next = advance(begin(metrics()), many);
  expect(next.feed).toHaveLength(MOST_FEED);
  expect(next.feed[0]?.seq).toBe(20 + 3 * MOST_FEED);
});

it('adds the sends since to the curve and fills what is empty', () => {
  const start = Date.parse(at);
  const curve = { bucket_seconds: 5, points: [{ at, sent: 2 }] };
  expect(curveOf(curve, [start + 1000, start + 11_000])).toEqual([
    { at: start, sent: 3 },
    { at: start + 5000, sent: 0 },
    { at: start + 10_000, sent: 1 },
  ]);
  expect(curveOf({ bucket_seconds: 5, points: [] }, [])).toEqual([]);
});
