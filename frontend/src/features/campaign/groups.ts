/** The people behind each figure, as the API finds them. */
import type { MessageFilter } from './queries';

export type GroupKind =
  | 'queued'
  | 'sending'
  | 'sent'
  | 'acked'
  | 'delivered'
  | 'read'
  | 'replied'
  | 'skipped'
  | 'failed'
  | 'inDoubt'
  | 'cancelled';

export interface Group {
  kind: GroupKind | 'all';
  filter: MessageFilter;
  /** The reason in words, where the group is those of one reason. */
  reason?: string;
}

export const EVERYBODY: Group = { kind: 'all', filter: {} };

export const GROUPS: Record<GroupKind, { filter: MessageFilter }> = {
  queued: { filter: { status: ['pending', 'leased'] } },
  sending: { filter: { status: ['sending'] } },
  sent: { filter: { status: ['sent', 'delivered', 'read'] } },
  acked: { filter: { stage: ['acked'] } },
  delivered: { filter: { status: ['delivered', 'read'] } },
  read: { filter: { status: ['read'] } },
  replied: { filter: { stage: ['replied'] } },
  skipped: { filter: { status: ['skipped'] } },
  failed: { filter: { status: ['failed'] } },
  inDoubt: { filter: { status: ['in_doubt'] } },
  cancelled: { filter: { status: ['cancelled'] } },
};
