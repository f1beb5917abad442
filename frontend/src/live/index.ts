/** The tab's socket, and what pages use of it. */
import { useEffect, useSyncExternalStore } from 'react';
import { api, told } from '../api/client';
import { onSession, sessionState } from '../api/session';
import { type LiveStatus, LiveSocket, type Wire } from './socket';

export type { CampaignWatcher, LiveStatus, UserWatcher } from './socket';
export type { CampaignEvent, LiveCampaign, Metrics, ReceiptTotals, Update } from './frames';

export const live = new LiveSocket({
  open: () => {
    const url = new URL('/ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebSocket(url) as unknown as Wire;
  },
  ticket: async () => (await told(api.POST('/api/ws/ticket'))).ticket,
  random: Math.random,
});

/** Ties the socket to the tab, the network and the session; once, in the app's root. */
export function useLiveSocket(): void {
  useEffect(() => {
    const seen = (): void => {
      live.setHidden(document.visibilityState === 'hidden');
    };
    const online = (): void => {
      live.connectNow();
    };
    const session = (): void => {
      const { status } = sessionState();
      if (status === 'signedOut') live.stop();
      else if (status === 'signedIn' && live.state.kind === 'idle') live.connectNow();
    };
    document.addEventListener('visibilitychange', seen);
    addEventListener('online', online);
    const off = onSession(session);
    return () => {
      document.removeEventListener('visibilitychange', seen);
      removeEventListener('online', online);
      off();
    };
  }, []);
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(
    (listener) => live.onState(listener),
    () => live.state,
  );
}
