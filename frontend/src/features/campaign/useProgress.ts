import { useQueryClient } from '@tanstack/react-query';
import { startTransition, useEffect, useReducer, useRef, useState } from 'react';
import { live, type Metrics, type ReceiptTotals, type Update } from '../../live';
import { advance, begin, hear, MOST_FEED, type Progress, rebase, TURNS } from './progress';
import { Following } from './following';
import { type Live, liveKey } from './queries';

type Action =
  | { kind: 'answer'; metrics: Metrics }
  | { kind: 'events'; updates: readonly Update[] }
  | { kind: 'receipts'; totals: ReceiptTotals };

function reduce(progress: Progress, action: Action): Progress {
  switch (action.kind) {
    case 'answer':
      return rebase(progress, action.metrics);
    case 'events':
      return advance(progress, action.updates);
    case 'receipts':
      return hear(progress, action.totals);
  }
}

const TURN_MS = 400;

/** The campaign as it moves. `recovered`: how many events came back after a lost connection. */
export function useProgress(id: string, answer: Live) {
  const queries = useQueryClient();
  const [progress, dispatch] = useReducer(reduce, answer.metrics, begin);
  const [recovered, setRecovered] = useState<number | null>(null);
  const first = useRef(answer.metrics.last_seq);
  const code = answer.campaign.campaign_id; // events name it, whatever the address says

  useEffect(() => {
    dispatch({ kind: 'answer', metrics: answer.metrics });
  }, [answer.metrics]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const askAgain = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void queries.invalidateQueries({ queryKey: liveKey(id) });
      }, TURN_MS);
    };
    const following = new Following(() => {
      void queries.invalidateQueries({ queryKey: liveKey(id) });
    });
    following.told();
    // The last events before the answer fill the feed; the figures hold them already.
    const leave = live.watchCampaign(code, Math.max(0, first.current - MOST_FEED), {
      onSnapshot: (_seq, metrics) => {
        dispatch({ kind: 'answer', metrics });
      },
      onResumed: (afterSeq, seq, lost) => {
        if (!lost) return;
        setRecovered(seq - afterSeq);
        askAgain(); // receipts are not replayed
      },
      onUpdates: (updates) => {
        startTransition(() => {
          dispatch({ kind: 'events', updates });
        });
        following.told();
        if (updates.some((update) => TURNS.has(update.data.event) && update.seq > first.current)) {
          askAgain();
        }
      },
      onReceipts: (totals) => {
        startTransition(() => {
          dispatch({ kind: 'receipts', totals });
        });
        following.told(); // what the server took and the numbers' state follow
      },
    });
    return () => {
      clearTimeout(timer);
      following.stop();
      leave();
    };
  }, [id, code, queries]);

  return {
    progress,
    recovered,
    forget: () => {
      setRecovered(null);
    },
  };
}
