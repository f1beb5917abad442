import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, type Schemas, told } from '../../api/client';
import { useUser } from '../../app/useSession';
import { live, type Update, useLiveStatus } from '../../live';
import { advanceRow, TURNS } from './rows';

export type Campaign = Schemas['CampaignAnswer'];
export type CampaignStatus = Campaign['status'];

export interface CampaignFilters {
  /** None: all. */
  status: readonly CampaignStatus[];
  search: string;
}

type Page = Schemas['CampaignPage'];

const LIVE_MS = 30_000;
const DEGRADED_MS = 12_000;
const TURN_MS = 1_500;

/** Newest first, page by page; figures move with the events of one's own campaigns. */
export function useCampaigns(filters: CampaignFilters) {
  const connected = useLiveStatus().kind === 'live';
  return useInfiniteQuery({
    queryKey: ['campaigns', filters],
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }): Promise<Page> =>
      told(
        api.GET('/api/campaigns', {
          params: {
            query: {
              limit: 50,
              ...(filters.status.length === 0 ? {} : { status: [...filters.status] }),
              ...(filters.search === '' ? {} : { search: filters.search }),
              ...(pageParam === '' ? {} : { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: (query) => {
      // Every page is asked for again: with many of them, less often.
      const pages = query.state.data?.pages.length ?? 1;
      return (connected ? LIVE_MS : DEGRADED_MS) * pages;
    },
  });
}

/** Puts events of one's own campaigns into the lists that are shown. */
export function useLiveRows(): void {
  const queries = useQueryClient();
  const { id } = useUser();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = live.watchUser(id, {
      onUpdates: (updates) => {
        queries.setQueriesData<InfiniteData<Page>>({ queryKey: ['campaigns'] }, (data) =>
          data === undefined ? data : moved(data, updates),
        );
        if (updates.some((update) => TURNS.has(update.data.event))) {
          timer ??= setTimeout(() => {
            timer = undefined;
            void queries.invalidateQueries({ queryKey: ['campaigns'] });
          }, TURN_MS);
        }
      },
    });
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, [id, queries]);
}

function moved(data: InfiniteData<Page>, updates: readonly Update[]): InfiniteData<Page> {
  const byCampaign = new Map<string, Update[]>();
  for (const update of updates) {
    const mine = byCampaign.get(update.campaignId);
    if (mine === undefined) byCampaign.set(update.campaignId, [update]);
    else mine.push(update);
  }
  return {
    ...data,
    pages: data.pages.map((page) => ({
      ...page,
      campaigns: page.campaigns.map((row) => {
        const mine = byCampaign.get(row.campaign_id);
        return mine === undefined ? row : mine.reduce(advanceRow, row);
      }),
    })),
  };
}
