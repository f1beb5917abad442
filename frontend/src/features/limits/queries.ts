import { useQuery } from '@tanstack/react-query';
import { api, told } from '../../api/client';

/** What the plan allows and what is used of it. */
export function usePlan() {
  return useQuery({
    queryKey: ['plan'],
    queryFn: ({ signal }) => told(api.GET('/api/plan', { signal })),
    refetchInterval: 30_000,
  });
}
