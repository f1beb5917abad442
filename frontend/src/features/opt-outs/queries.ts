import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { api, askedOnce, type Schemas, told } from '../../api/client';

export type OptOut = Schemas['SuppressionAnswer'];

const PAGE = 100;

/** Newest first, by pages; `search` is a part of the number. */
export function useOptOuts(search: string) {
  return useInfiniteQuery({
    queryKey: ['opt-outs', search],
    queryFn: ({ pageParam, signal }) =>
      told(
        api.GET('/api/suppressions', {
          params: {
            query: {
              limit: PAGE,
              ...(search === '' ? {} : { search }),
              ...(pageParam === null ? {} : { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  });
}

export function useOptOutActions() {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ['opt-outs'] });
  const add = useMutation({
    mutationFn: (telefones: string[]) =>
      told(
        api.POST('/api/suppressions', {
          body: { telefones },
          params: { header: { 'Idempotency-Key': askedOnce() } },
        }),
      ),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (id: number) =>
      told(
        api.DELETE('/api/suppressions/{suppression_id}', {
          params: { path: { suppression_id: id } },
        }),
      ),
    onSettled,
  });
  return { add, remove };
}
