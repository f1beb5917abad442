import { useQuery } from '@tanstack/react-query';
import { api, type Schemas, told } from '../../api/client';

export type Dashboard = Schemas['Dashboard'];
export type DayLine = Schemas['DayLineAnswer'];

/** Totals, the newest campaigns and thirty days; asked again every half minute. */
export function useDashboard() {
  return useQuery({
    queryKey: ['dashboard'],
    queryFn: async ({ signal }) =>
      (await told(api.GET('/api/campaigns/dashboard', { signal }))).dashboard,
    refetchInterval: 30_000,
  });
}
