/** What `/ws` says (docs/websocket.md). */
import type { Schemas } from '../api/client';

export type Metrics = Schemas['CampaignMetrics'];

export interface ReportValidation {
  valid: number;
  skipped: number;
  reasons: Record<string, number>;
}

export type CampaignEvent =
  | { event: 'campaign_created'; campaign: Record<string, unknown> }
  | {
      event: 'campaign_started';
      totalContacts: number;
      validation: ReportValidation;
      estimated_seconds_remaining: number | null;
      reopened: boolean;
    }
  | {
      event: 'message_sent';
      contactName: string;
      phone: string;
      messageText: string | null;
      late?: boolean;
      decided?: boolean;
    }
  | {
      event: 'message_error';
      contactName: string;
      phone: string;
      error: string;
      errorCode: string;
      attempt: number;
      willRetry: boolean;
      retryInSeconds?: number;
      decided?: boolean;
    }
  | {
      event: 'message_in_doubt';
      contactName: string;
      phone: string;
      error: string;
      errorCode: string;
      attempt: number;
    }
  | {
      event: 'progress';
      currentPosition: number;
      totalContacts: number;
      progressPercentage: number;
      sent: number;
      errors: number;
      inDoubt: number;
      skipped: number;
      estimated_seconds_remaining: number | null;
    }
  | { event: 'campaign_paused'; status: Metrics['status']; reason?: string; doubts?: number }
  | { event: 'campaign_resumed'; status: Metrics['status'] }
  | { event: 'campaign_cancelled'; cancelled: number }
  | { event: 'campaign_retried'; count: number; reopened: boolean; doubts?: boolean }
  | { event: 'campaign_changed'; changes: Record<string, unknown> }
  | {
      event: 'circuit_open';
      instance: string;
      reason: string;
      reasonText: string;
      openUntil: string;
      errorsInARow: number;
    }
  | { event: 'circuit_closed'; instance: string }
  | {
      event: 'campaign_complete';
      status: Metrics['status'];
      totalContacts: number;
      totalSent: number;
      totalErrors: number;
      totalInDoubt: number;
      totalSkipped: number;
      totalCancelled: number;
      successRate: number;
      duration: number;
      completedWithDoubts: boolean;
    };

export interface Update {
  type: 'campaign_update';
  campaignId: string;
  seq: number;
  prevSeq: number;
  timestamp: string;
  data: CampaignEvent;
}

/** How far a campaign's messages came: totals, which never fall. */
export interface ReceiptTotals {
  delivered: number;
  read: number;
  replied: number;
}

export interface LiveCampaign {
  campaignId: string;
  id: number;
  status: string;
  seq: number;
}

export type Frame =
  | Update
  | { type: 'campaign_receipts'; campaignId: string; data: ReceiptTotals; timestamp: string }
  | { type: 'authenticated'; userId: number }
  | { type: 'subscribed'; campaignId: string; seq: number; metrics: Metrics }
  | { type: 'subscribed'; userId: number; campaigns: LiveCampaign[] }
  | { type: 'resumed'; campaignId: string; afterSeq: number; seq: number }
  | { type: 'snapshot'; campaignId: string; seq: number; reason: string; metrics: Metrics }
  | { type: 'unsubscribed'; campaignId?: string; userId?: number }
  | { type: 'pong' }
  | { type: 'error'; code: string; message: string };

/** null for what is no frame. */
export function readFrame(text: unknown): Frame | null {
  if (typeof text !== 'string') return null;
  try {
    const parsed = JSON.parse(text) as unknown;
    return typeof parsed === 'object' && parsed !== null && 'type' in parsed
      ? (parsed as Frame)
      : null;
  } catch {
    return null;
  }
}
