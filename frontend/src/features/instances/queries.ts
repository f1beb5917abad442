import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, askedOnce, type Schemas, told } from '../../api/client';

export type Instance = Schemas['InstanceAnswer'];
export type Seen = Schemas['InstanceShown'];

const LIST = ['instances'] as const;

/** All numbers as last known; asked again now and then. */
export function useInstances() {
  return useQuery({
    queryKey: LIST,
    queryFn: async ({ signal }) => (await told(api.GET('/api/instances', { signal }))).instances,
    refetchInterval: 20_000,
  });
}

/** While a phone is being linked the API asks Evolution each time, so the code on screen is fresh. */
const LINKING_MS = 4_000;

/** One number with its state of now and what to scan; until it is connected. */
export function useLinking(name: string, first: Seen) {
  return useQuery({
    queryKey: ['instance', name],
    queryFn: ({ signal }) =>
      told(api.GET('/api/instances/{name}', { params: { path: { name } }, signal })),
    initialData: first,
    initialDataUpdatedAt: Date.now,
    staleTime: LINKING_MS,
    gcTime: 0,
    refetchInterval: (query) =>
      query.state.data?.instance.state === 'open' ? false : LINKING_MS,
  });
}

export type NewInstance = Schemas['InstanceBody'];
export type Move = 'connect' | 'pause' | 'resume';

export function useInstanceActions() {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: LIST });
  const create = useMutation({
    mutationFn: (body: NewInstance) =>
      told(
        api.POST('/api/instances', {
          body,
          params: { header: { 'Idempotency-Key': askedOnce() } },
        }),
      ),
    onSettled,
  });
  const move = useMutation({
    mutationFn: ({ name, to }: { name: string; to: Move }) => {
      const params = { path: { name } };
      if (to === 'connect') return told(api.POST('/api/instances/{name}/connect', { params }));
      if (to === 'pause') return told(api.POST('/api/instances/{name}/pause', { params }));
      return told(api.POST('/api/instances/{name}/resume', { params }));
    },
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (name: string) =>
      told(api.DELETE('/api/instances/{name}', { params: { path: { name } } })),
    onSettled,
  });
  return { create, move, remove };
}
