import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionEnded } from '../api/errors';
import type { Metrics, Update } from './frames';
import { type CampaignWatcher, LiveSocket, type Wire } from './socket';

class FakeWire implements Wire {
  sent: Record<string, unknown>[] = [];
  closed: number | undefined;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(code?: number): void {
    this.closed = code ?? 1005;
  }
  says(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  breaks(code = 1006): void {
    this.onclose?.({ code });
  }
}

const ID = 'CAMP-A';
let wires: FakeWire[];
let tickets: number;
let ticketFault: Error | null;
let socket: LiveSocket;
let told: string[];

const watcher: CampaignWatcher = {
  onSnapshot: (seq) => told.push(`snapshot ${seq}`),
  onResumed: (afterSeq, seq, lost) => told.push(`resumed ${afterSeq}-${seq}${lost ? ' lost' : ''}`),
  onUpdates: (updates) => told.push(updates.map((update) => update.seq).join(',')),
  onReceipts: ({ delivered, read }) => told.push(`receipts ${delivered}/${read}`),
};

const event = (seq: number, prevSeq = seq - 1): Update => ({
  type: 'campaign_update',
  campaignId: ID,
  seq,
  prevSeq,
  timestamp: '2026-01-01T12:00:00.000Z',
  data: { event: 'message_sent', contactName: 'João', phone: '5511999999999', messageText: 'Oi' },
});

function wire(): FakeWire {
  const last = wires.at(-1);
  if (last === undefined) throw new Error('no wire');
  return last;
}

async function connect(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  wire().onopen?.();
  wire().says({ type: 'authenticated', userId: 1 });
}

beforeEach(() => {
  vi.useFakeTimers();
  wires = [];
  told = [];
  tickets = 0;
  ticketFault = null;
  socket = new LiveSocket({
    open: () => {
      const made = new FakeWire();
      wires.push(made);
      return made;
    },
    ticket: () => {
      if (ticketFault !== null) return Promise.reject(ticketFault);
      tickets += 1;
      return Promise.resolve(`ticket-${tickets}`);
    },
    random: () => 0,
  });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a watched campaign', () => {
  it('begins with a ticket, then a snapshot, then what comes', async () => {
    socket.watchCampaign(ID, null, watcher);
    await connect();
    expect(wire().sent).toEqual([
      { type: 'auth', ticket: 'ticket-1' },
      { type: 'subscribe_campaign', campaignId: ID },
    ]);
    wire().says({ type: 'subscribed', campaignId: ID, seq: 7, metrics: {} as Metrics });
    wire().says(event(8));
    wire().says(event(9));
    expect(told).toEqual(['snapshot 7']);
    vi.advanceTimersByTime(350);
    expect(told).toEqual(['snapshot 7', '8,9']);
    expect(socket.state).toEqual({ kind: 'live' });
  });

  it('is resumed after its last event when the connection is lost, with a new ticket', async () => {
    socket.watchCampaign(ID, 5, watcher);
    await connect();
    wire().says({ type: 'resumed', campaignId: ID, afterSeq: 5, seq: 5 });
    wire().says(event(6));
    wire().breaks();
    expect(told).toEqual(['resumed 5-5', '6']);
    expect(socket.state.kind).toBe('waiting');
    await vi.advanceTimersByTimeAsync(1000);
    await connect();
    expect(wire().sent).toEqual([
      { type: 'auth', ticket: 'ticket-2' },
      { type: 'resume', campaignId: ID, afterSeq: 6 },
    ]);
    wire().says({ type: 'resumed', campaignId: ID, afterSeq: 6, seq: 9 });
    expect(told.at(-1)).toBe('resumed 6-9 lost');
  });

  it('asks again for what is missing between two events, and takes none twice', async () => {
    socket.watchCampaign(ID, 5, watcher);
    await connect();
    wire().says({ type: 'resumed', campaignId: ID, afterSeq: 5, seq: 5 });
    wire().says(event(6));
    wire().says(event(6));
    wire().says(event(9, 8));
    expect(wire().sent.at(-1)).toEqual({ type: 'resume', campaignId: ID, afterSeq: 6 });
    wire().says({ type: 'resumed', campaignId: ID, afterSeq: 6, seq: 9 });
    for (const seq of [7, 8, 9]) wire().says(event(seq));
    vi.advanceTimersByTime(350);
    expect(told.filter((line) => /^[\d,]+$/.test(line))).toEqual(['6', '7,8,9']);
  });

  it('tells the newest totals of receipts once, after the events that came before', async () => {
    socket.watchCampaign(ID, 5, watcher);
    await connect();
    const receipts = (delivered: number, campaignId = ID) => ({
      type: 'campaign_receipts',
      campaignId,
      data: { delivered, read: 1, replied: 0 },
      timestamp: '2026-01-01T12:00:00.000Z',
    });
    wire().says(receipts(2));
    wire().says(event(6));
    wire().says(receipts(3));
    wire().says(receipts(9, 'CAMP-B'));
    vi.advanceTimersByTime(350);
    expect(told).toEqual(['6', 'receipts 3/1']);
    vi.advanceTimersByTime(1000);
    expect(told).toHaveLength(2);
  });

  it('accepts a progress merged over several events as no gap', async () => {
    socket.watchCampaign(ID, 5, watcher);
    await connect();
    wire().says(event(9, 5));
    vi.advanceTimersByTime(350);
    expect(told).toEqual(['9']);
  });
});

describe('the connection', () => {
  it('waits 1 s, then twice as long each time, up to 30 s, until an answer comes', async () => {
    socket.watchCampaign(ID, null, watcher);
    const waits: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      await vi.advanceTimersByTimeAsync(0);
      wire().breaks();
      const state = socket.state;
      if (state.kind !== 'waiting') throw new Error(state.kind);
      waits.push(state.retryAt - Date.now());
      await vi.advanceTimersByTimeAsync(state.retryAt - Date.now());
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 15000, 15000, 15000]);
    await connect();
    wire().says({ type: 'subscribed', campaignId: ID, seq: 1, metrics: {} as Metrics });
    wire().breaks();
    expect(socket.state).toMatchObject({ kind: 'waiting', attempt: 1 });
  });

  it('comes back later where the server is full, and never where it was refused', async () => {
    socket.watchCampaign(ID, null, watcher);
    await connect();
    wire().breaks(1013);
    const state = socket.state;
    expect(state.kind === 'waiting' && state.retryAt - Date.now()).toBe(15_000);
    await vi.advanceTimersByTimeAsync(15_000);
    await connect();
    wire().breaks(1008);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(socket.state).toEqual({ kind: 'refused' });
    expect(wires).toHaveLength(2);
  });

  it('rests a minute after the tab is hidden and goes on where it was when it is shown', async () => {
    socket.watchCampaign(ID, 5, watcher);
    await connect();
    wire().says(event(6));
    socket.setHidden(true);
    for (let passed = 0; passed < 57; passed += 19) {
      await vi.advanceTimersByTimeAsync(19_000);
      wire().says({ type: 'pong' });
    }
    expect(socket.state).toEqual({ kind: 'live' });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(socket.state).toEqual({ kind: 'resting' });
    expect(wire().closed).toBe(1000);
    socket.setHidden(false);
    await connect();
    expect(wire().sent.at(-1)).toEqual({ type: 'resume', campaignId: ID, afterSeq: 6 });
  });

  it('notices a line that is dead though nobody closed it', async () => {
    socket.watchCampaign(ID, 5, watcher);
    await connect();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(wire().sent.at(-1)).toEqual({ type: 'ping' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.state.kind).toBe('waiting');
  });

  it('waits for a sign-in where the session has ended', async () => {
    ticketFault = new SessionEnded();
    socket.watchCampaign(ID, null, watcher);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(socket.state).toEqual({ kind: 'idle' });
    ticketFault = null;
    socket.connectNow();
    await connect();
    expect(socket.state).toEqual({ kind: 'live' });
  });

  it('is closed when nothing is watched any more', async () => {
    const leave = socket.watchCampaign(ID, null, watcher);
    await connect();
    leave();
    expect(wire().sent.at(-1)).toEqual({ type: 'unsubscribe_campaign', campaignId: ID });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(wire().closed).toBe(1000);
    expect(socket.state).toEqual({ kind: 'idle' });
  });
});
