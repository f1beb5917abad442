import { useQuery } from '@tanstack/react-query';
import { api, told } from '../../api/client';
import type { Contact } from './list/list';

/** Defaults, models and limits. */
export function useOptions() {
  return useQuery({
    queryKey: ['campaign-options'],
    queryFn: async ({ signal }) =>
      (await told(api.GET('/api/campaigns/options', { signal }))).options,
    staleTime: 300_000,
    refetchOnWindowFocus: false,
  });
}

export function useInstances() {
  return useQuery({
    queryKey: ['instances'],
    queryFn: async ({ signal }) => (await told(api.GET('/api/instances', { signal }))).instances,
  });
}

/** Who would be skipped, and why; `of` names the list and its columns, `contacts` stay out of the key. */
export function useCheck(of: string, contacts: Contact[], enabled: boolean) {
  return useQuery({
    queryKey: ['contact-check', of],
    queryFn: ({ signal }) =>
      told(api.POST('/api/campaigns/check', { body: { contacts }, signal })),
    enabled,
    staleTime: Infinity,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
  });
}
