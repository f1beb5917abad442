import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, askedOnce, type Schemas, told } from '../../api/client';
import { useLiveStatus } from '../../live';
import { ENDED } from './progress';

export type Live = Schemas['LiveAnswer'];
export type Message = Schemas['MessageAnswer'];
export type Doubt = Schemas['DoubtAnswer'];

export const liveKey = (id: string) => ['campaign', id, 'live'] as const;
const messagesKey = (id: string) => ['campaign', id, 'messages'] as const;
const doubtsKey = (id: string) => ['campaign', id, 'doubts'] as const;

const LIVE_MS = 60_000;
const DEGRADED_MS = 6_000;

/** Figures, steps, numbers, curve. Events ask for them again (`useProgress`); without events the clock does. */
export function useLive(id: string) {
  const connected = useLiveStatus().kind === 'live';
  return useQuery({
    queryKey: liveKey(id),
    queryFn: async ({ signal }) =>
      (
        await told(
          api.GET('/api/campaigns/{reference}/live', {
            params: { path: { reference: id } },
            signal,
          }),
        )
      ).live,
    refetchInterval: ({ state }) =>
      connected || ENDED.has(state.data?.campaign.status ?? '') ? LIVE_MS : DEGRADED_MS,
  });
}

/** Who is behind a figure. */
export interface MessageFilter {
  status?: Message['status'][];
  stage?: ('acked' | 'replied')[];
  reason?: string;
}

export function useMessages(id: string, filter: MessageFilter, search: string) {
  return useInfiniteQuery({
    queryKey: [...messagesKey(id), filter, search],
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) =>
      told(
        api.GET('/api/campaigns/{reference}/messages', {
          params: {
            path: { reference: id },
            query: {
              ...filter,
              ...(search === '' ? {} : { search }),
              limit: 500,
              ...(pageParam === '' ? {} : { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function useDoubts(id: string) {
  return useInfiniteQuery({
    queryKey: doubtsKey(id),
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) =>
      told(
        api.GET('/api/campaigns/{reference}/doubts', {
          params: {
            path: { reference: id },
            query: { limit: 100, ...(pageParam === '' ? {} : { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor,
  });
}

/** After anything that moved the campaign: its figures, its people, the lists. */
function useRefresh(id: string): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await Promise.all([
      queries.invalidateQueries({ queryKey: ['campaign', id] }),
      queries.invalidateQueries({ queryKey: ['campaigns'] }),
    ]);
  };
}

export type Move = 'pause' | 'resume' | 'cancel';

export function useMove(id: string) {
  const refresh = useRefresh(id);
  return useMutation({
    mutationFn: (move: Move) => moveCampaign(id, move),
    onSettled: refresh,
  });
}

export function moveCampaign(id: string, move: Move) {
  const options = {
    params: { path: { reference: id }, header: { 'Idempotency-Key': askedOnce() } },
  };
  switch (move) {
    case 'pause':
      return told(api.POST('/api/campaigns/{reference}/pause', options));
    case 'resume':
      return told(api.POST('/api/campaigns/{reference}/resume', options));
    case 'cancel':
      return told(api.POST('/api/campaigns/{reference}/cancel', options));
  }
}

export function useChange(id: string) {
  const refresh = useRefresh(id);
  return useMutation({
    mutationFn: (body: Schemas['ChangeBody']) =>
      told(
        api.PATCH('/api/campaigns/{reference}', { params: { path: { reference: id } }, body }),
      ),
    onSuccess: refresh,
  });
}

export function useRetry(id: string) {
  const refresh = useRefresh(id);
  return useMutation({
    mutationFn: (codes: string[] | null) =>
      told(
        api.POST('/api/campaigns/{reference}/retry-failed', {
          params: { path: { reference: id }, header: { 'Idempotency-Key': askedOnce() } },
          body: codes === null ? {} : { codes },
        }),
      ),
    onSuccess: refresh,
  });
}

export function useDecide(id: string) {
  const refresh = useRefresh(id);
  return useMutation({
    mutationFn: (body: Schemas['DecideBody']) =>
      told(
        api.POST('/api/campaigns/{reference}/doubts/decide', {
          params: { path: { reference: id }, header: { 'Idempotency-Key': askedOnce() } },
          body,
        }),
      ),
    onSettled: refresh,
  });
}

export type ExportFormat = 'csv' | 'xlsx' | 'json';

/** Downloads the report under the name the API gives it. */
export function useExport(id: string) {
  return useMutation({
    mutationFn: async (format: ExportFormat) => {
      const asked = await api.GET('/api/campaigns/{reference}/export', {
        params: { path: { reference: id }, query: { format } },
        parseAs: 'blob',
      });
      const blob = (await told(Promise.resolve(asked))) as unknown as Blob;
      const named = asked.response.headers.get('Content-Disposition');
      save(blob, /filename="([^"]+)"/.exec(named ?? '')?.[1] ?? `${id}.${format}`);
    },
  });
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 10_000);
}
