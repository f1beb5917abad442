import { expect, it } from 'vitest';
import type { Schemas } from '../../api/client';
import type { Update } from '../../live';
import { advanceRow } from './rows';

const row = { processed_count: 10, sent_count: 9, error_count: 1 } as Schemas['CampaignAnswer'];
const progress = (currentPosition: number): Update =>
  ({
    data: {
      event: 'progress',
      currentPosition,
      totalContacts: 100,
      progressPercentage: currentPosition,
      sent: currentPosition - 2,
      errors: 2,
      inDoubt: 0,
      skipped: 0,
      estimated_seconds_remaining: 60,
    },
  }) as Update;

it('moves by progress only, and never back', () => {
  expect(advanceRow(row, progress(15))).toMatchObject({ sent_count: 13, processed_count: 15 });
  expect(advanceRow(row, progress(5))).toBe(row);
  const sent = { data: { event: 'message_sent' } } as Update;
  expect(advanceRow(row, sent)).toBe(row);
});
