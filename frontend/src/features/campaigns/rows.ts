/** A campaign of a list, moved by events. Only `progress` carries whole figures, so only it counts. */
import type { Schemas } from '../../api/client';
import type { CampaignEvent, Update } from '../../live';

type Row = Schemas['CampaignAnswer'];

/** Events after which the list is asked for again. */
export const TURNS: ReadonlySet<CampaignEvent['event']> = new Set([
  'campaign_created',
  'campaign_started',
  'campaign_paused',
  'campaign_resumed',
  'campaign_cancelled',
  'campaign_retried',
  'campaign_changed',
  'campaign_complete',
] as const);

export function advanceRow(row: Row, update: Update): Row {
  const event = update.data;
  if (event.event !== 'progress' || event.currentPosition < row.processed_count) return row;
  return {
    ...row,
    processed_count: event.currentPosition,
    sent_count: event.sent,
    error_count: event.errors,
    in_doubt_count: event.inDoubt,
    skipped_count: event.skipped,
    progress_percentage: event.progressPercentage,
    estimated_seconds_remaining: event.estimated_seconds_remaining,
  };
}
