import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, askedOnce, type Schemas, told } from '../../api/client';

export type Person = Schemas['PersonAnswer'];
export type NewPerson = Schemas['PersonBody'];
export type PersonChange = Schemas['PersonChange'];
export type Key = Schemas['KeyAnswer'];

export function usePeople(enabled = true) {
  return useQuery({
    queryKey: ['people'],
    queryFn: async ({ signal }) => (await told(api.GET('/api/users', { signal }))).users,
    enabled,
  });
}

export function usePeopleActions() {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ['people'] });
  const create = useMutation({
    mutationFn: (body: NewPerson) =>
      told(
        api.POST('/api/users', { body, params: { header: { 'Idempotency-Key': askedOnce() } } }),
      ),
    onSettled,
  });
  const change = useMutation({
    mutationFn: ({ id, body }: { id: number; body: PersonChange }) =>
      told(api.PATCH('/api/users/{user_id}', { body, params: { path: { user_id: id } } })),
    onSettled,
  });
  return { create, change };
}

export function useKeys() {
  return useQuery({
    queryKey: ['keys'],
    queryFn: async ({ signal }) => (await told(api.GET('/api/keys', { signal }))).keys,
  });
}

export function useKeyActions() {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ['keys'] });
  const create = useMutation({
    mutationFn: async (name: string) =>
      (
        await told(
          api.POST('/api/keys', {
            body: { name },
            params: { header: { 'Idempotency-Key': askedOnce() } },
          }),
        )
      ).key,
    onSettled,
    gcTime: 0, // the secret is not kept longer than it is on the screen
  });
  const revoke = useMutation({
    mutationFn: (id: number) =>
      told(api.DELETE('/api/keys/{key_id}', { params: { path: { key_id: id } } })),
    onSettled,
  });
  return { create, revoke };
}
