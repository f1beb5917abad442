/**
 * One WebSocket per tab, for everything the tab watches. It comes back by itself, takes up each
 * campaign after the last event it has, rests while nobody looks, and says how it is.
 */
import { SessionEnded } from '../api/errors';
import { reconnectDelay } from './backoff';
import {
  type Frame,
  type LiveCampaign,
  type Metrics,
  readFrame,
  type ReceiptTotals,
  type Update,
} from './frames';

export type LiveStatus =
  /** Nothing is watched, or nobody is signed in. */
  | { kind: 'idle' }
  | { kind: 'connecting'; attempt: number }
  | { kind: 'live' }
  /** Lost; tries again at `retryAt` (epoch ms). Pages fall back to asking the API now and then. */
  | { kind: 'waiting'; attempt: number; retryAt: number }
  /** The tab is hidden. */
  | { kind: 'resting' }
  /** The server wants no more of this client. */
  | { kind: 'refused' };

export interface CampaignWatcher {
  /** Where the campaign stands as of event `seq`: at the start, and where a replay is not possible. */
  onSnapshot?(seq: number, metrics: Metrics): void;
  /** Events `afterSeq + 1 … seq` follow. `lost`: they came while the connection was away. */
  onResumed?(afterSeq: number, seq: number, lost: boolean): void;
  onUpdates(updates: readonly Update[]): void;
  onReceipts?(totals: ReceiptTotals): void;
}

export interface UserWatcher {
  onCampaigns?(campaigns: readonly LiveCampaign[]): void;
  onUpdates(updates: readonly Update[]): void;
}

/** The part of `WebSocket` used; tests bring their own end. */
export interface Wire {
  send(text: string): void;
  close(code?: number): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
}

export interface Surroundings {
  open(): Wire;
  ticket(): Promise<string>;
  random(): number;
}

const FLUSH_MS = 300;
const REST_AFTER_MS = 60_000;
const IDLE_MS = 5_000;
const QUIET_MS = 25_000;
const ANSWER_MS = 10_000;
const BUSY_MS = 15_000;
const REFUSED = 1008;
const TOO_MANY = 1013;

interface Watched {
  /** The last event this tab has, null before the first answer. */
  seq: number | null;
  answered: boolean;
  watchers: Set<CampaignWatcher>;
}

export class LiveSocket {
  private wire: Wire | null = null;
  private authenticated = false;
  private attempt = 0;
  private status: LiveStatus = { kind: 'idle' };
  private readonly campaigns = new Map<string, Watched>();
  private readonly users = new Map<number, Set<UserWatcher>>();
  private readonly listeners = new Set<() => void>();
  private pending: Update[] = [];
  private readonly receipts = new Map<string, ReceiptTotals>();
  private flushTimer: Timer;
  private retryTimer: Timer;
  private restTimer: Timer;
  private quietTimer: Timer;
  private idleTimer: Timer;
  private opening = 0;
  private hidden = false;

  constructor(private readonly around: Surroundings) {}

  get state(): LiveStatus {
    return this.status;
  }

  onState(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** `afterSeq`: replay what came after it; null: begin with a snapshot. */
  watchCampaign(id: string, afterSeq: number | null, watcher: CampaignWatcher): () => void {
    const watched = this.campaigns.get(id) ?? {
      seq: afterSeq,
      answered: false,
      watchers: new Set<CampaignWatcher>(),
    };
    watched.watchers.add(watcher);
    if (afterSeq !== null) watched.seq = afterSeq;
    this.campaigns.set(id, watched);
    if (this.authenticated) this.ask(id, watched);
    else this.connect();
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0 || this.campaigns.get(id) !== watched) return;
      this.campaigns.delete(id);
      this.say({ type: 'unsubscribe_campaign', campaignId: id });
      this.leaveIfIdle();
    };
  }

  watchUser(userId: number, watcher: UserWatcher): () => void {
    const watchers = this.users.get(userId) ?? new Set<UserWatcher>();
    watchers.add(watcher);
    this.users.set(userId, watchers);
    if (this.authenticated) this.say({ type: 'subscribe_user', userId });
    else this.connect();
    return () => {
      watchers.delete(watcher);
      if (watchers.size > 0) return;
      this.users.delete(userId);
      this.say({ type: 'unsubscribe_user', userId });
      this.leaveIfIdle();
    };
  }

  /** The tab was hidden or shown. A hidden one lets go after a minute. */
  setHidden(hidden: boolean): void {
    this.hidden = hidden;
    clearTimeout(this.restTimer);
    if (hidden) {
      this.restTimer = setTimeout(() => {
        if (this.watching) this.leave({ kind: 'resting' });
      }, REST_AFTER_MS);
    } else if (this.status.kind === 'resting' || this.status.kind === 'waiting') {
      this.attempt = 0;
      this.connect();
    }
  }

  /** The network came back, or a person does not want to wait. */
  connectNow(): void {
    if (this.wire !== null && this.authenticated) return;
    this.leave({ kind: 'idle' });
    this.attempt = 0;
    this.connect();
  }

  /** Signed out. */
  stop(): void {
    this.leave({ kind: 'idle' });
  }

  private get watching(): boolean {
    return this.campaigns.size > 0 || this.users.size > 0;
  }

  private connect(): void {
    if (this.wire !== null || this.opening > 0 || !this.watching) return;
    if (this.status.kind === 'refused') return;
    clearTimeout(this.retryTimer);
    this.become({ kind: 'connecting', attempt: this.attempt });
    void this.open();
  }

  private async open(): Promise<void> {
    const mine = (this.opening = ++openings);
    let ticket: string;
    try {
      ticket = await this.around.ticket();
    } catch (error) {
      if (this.opening !== mine) return;
      this.opening = 0;
      if (error instanceof SessionEnded) this.become({ kind: 'idle' });
      else this.retryLater(0);
      return;
    }
    if (this.opening !== mine) return;
    this.opening = 0;
    const wire = this.around.open();
    this.wire = wire;
    wire.onopen = () => {
      wire.send(JSON.stringify({ type: 'auth', ticket }));
    };
    wire.onmessage = (event) => {
      if (this.wire !== wire) return;
      this.heard();
      const frame = readFrame(event.data);
      if (frame !== null) this.take(frame);
    };
    wire.onerror = null;
    wire.onclose = (event) => {
      if (this.wire === wire) this.lost(event.code);
    };
    this.heard();
  }

  private take(frame: Frame): void {
    switch (frame.type) {
      case 'authenticated':
        this.authenticated = true;
        this.become({ kind: 'live' });
        for (const [id, watched] of this.campaigns) this.ask(id, watched);
        for (const userId of this.users.keys()) this.say({ type: 'subscribe_user', userId });
        return;
      case 'subscribed':
        this.attempt = 0;
        if ('campaigns' in frame) this.tellCampaigns(frame.userId, frame.campaigns);
        else this.tellSnapshot(frame.campaignId, frame.seq, frame.metrics);
        return;
      case 'snapshot':
        this.attempt = 0;
        this.tellSnapshot(frame.campaignId, frame.seq, frame.metrics);
        return;
      case 'resumed':
        this.attempt = 0;
        this.tellResumed(frame.campaignId, frame.afterSeq, frame.seq);
        return;
      case 'campaign_update':
        this.update(frame);
        return;
      case 'campaign_receipts':
        this.receipts.set(frame.campaignId, frame.data);
        this.flushSoon();
        return;
      default:
        return;
    }
  }

  private ask(id: string, watched: Watched): void {
    this.say(
      watched.seq === null
        ? { type: 'subscribe_campaign', campaignId: id }
        : { type: 'resume', campaignId: id, afterSeq: watched.seq },
    );
  }

  private update(update: Update): void {
    const watched = this.campaigns.get(update.campaignId);
    if (watched?.seq != null) {
      if (update.seq <= watched.seq) return; // a replay overlaps what is known
      if (update.prevSeq > watched.seq) {
        this.flush();
        this.ask(update.campaignId, watched); // something between is missing
        return;
      }
    }
    if (watched !== undefined) watched.seq = update.seq;
    this.pending.push(update);
    this.flushSoon();
  }

  private flushSoon(): void {
    this.flushTimer ??= setTimeout(() => {
      this.flush();
    }, FLUSH_MS);
  }

  /** Many events, few renderings. */
  private flush(): void {
    clearTimeout(this.flushTimer);
    this.flushTimer = undefined;
    const updates = this.pending;
    this.pending = [];
    this.tellUpdates(updates);
    for (const [id, totals] of this.receipts) {
      for (const watcher of this.campaigns.get(id)?.watchers ?? []) watcher.onReceipts?.(totals);
    }
    this.receipts.clear();
  }

  private tellUpdates(updates: readonly Update[]): void {
    if (updates.length === 0) return;
    const byCampaign = new Map<string, Update[]>();
    for (const update of updates) {
      const list = byCampaign.get(update.campaignId);
      if (list === undefined) byCampaign.set(update.campaignId, [update]);
      else list.push(update);
    }
    for (const [id, list] of byCampaign) {
      for (const watcher of this.campaigns.get(id)?.watchers ?? []) watcher.onUpdates(list);
    }
    for (const watchers of this.users.values()) {
      for (const watcher of watchers) watcher.onUpdates(updates);
    }
  }

  private tellSnapshot(id: string, seq: number, metrics: Metrics): void {
    const watched = this.campaigns.get(id);
    if (watched === undefined) return;
    this.flush();
    watched.seq = seq;
    watched.answered = true;
    for (const watcher of watched.watchers) watcher.onSnapshot?.(seq, metrics);
  }

  private tellResumed(id: string, afterSeq: number, seq: number): void {
    const watched = this.campaigns.get(id);
    if (watched === undefined) return;
    this.flush();
    const lost = watched.answered;
    watched.seq = afterSeq;
    watched.answered = true;
    for (const watcher of watched.watchers) watcher.onResumed?.(afterSeq, seq, lost);
  }

  private tellCampaigns(userId: number, campaigns: readonly LiveCampaign[]): void {
    for (const watcher of this.users.get(userId) ?? []) watcher.onCampaigns?.(campaigns);
  }

  private lost(code: number): void {
    this.drop();
    if (code === REFUSED) {
      this.become({ kind: 'refused' });
      return;
    }
    if (!this.watching) this.become({ kind: 'idle' });
    else if (this.hidden) this.become({ kind: 'resting' });
    else this.retryLater(code === TOO_MANY ? BUSY_MS : 0);
  }

  private retryLater(least: number): void {
    this.attempt += 1;
    const delay = Math.max(least, reconnectDelay(this.attempt, this.around.random()));
    this.become({ kind: 'waiting', attempt: this.attempt, retryAt: Date.now() + delay });
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => {
      this.connect();
    }, delay);
  }

  /** A half-open connection says nothing for ever: ask, and leave where no answer comes. */
  private heard(): void {
    clearTimeout(this.quietTimer);
    this.quietTimer = setTimeout(() => {
      this.say({ type: 'ping' });
      this.quietTimer = setTimeout(() => {
        const wire = this.wire;
        this.lost(1006);
        wire?.close();
      }, ANSWER_MS);
    }, QUIET_MS);
  }

  private say(message: object): void {
    if (this.wire === null) return;
    if (!this.authenticated) return;
    this.wire.send(JSON.stringify(message));
  }

  /** From page to page there is a moment in which nothing is watched. */
  private leaveIfIdle(): void {
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => {
      if (!this.watching) this.leave({ kind: 'idle' });
    }, IDLE_MS);
  }

  private leave(status: LiveStatus): void {
    const wire = this.wire;
    this.drop();
    this.opening = 0;
    clearTimeout(this.retryTimer);
    wire?.close(1000);
    this.become(status);
  }

  private drop(): void {
    this.flush();
    this.wire = null;
    this.authenticated = false;
    clearTimeout(this.quietTimer);
  }

  private become(status: LiveStatus): void {
    this.status = status;
    for (const listener of this.listeners) listener();
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;
let openings = 0;
