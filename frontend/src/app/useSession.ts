import { createContext, useContext, useSyncExternalStore } from 'react';
import { onSession, type SessionState, sessionState, type User } from '../api/session';

const ROLES = ['viewer', 'operator', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

export function useSession(): SessionState {
  return useSyncExternalStore(onSession, sessionState);
}

export const UserContext = createContext<User | null>(null);

/** Who is signed in; pages are only shown to somebody. */
export function useUser(): User {
  const user = useContext(UserContext);
  if (user === null) throw new Error('no user outside the shell');
  return user;
}

/** At least `role`: owner ⊃ admin ⊃ operator ⊃ viewer. The API decides; this hides what it refuses. */
export function useMay(role: Role): boolean {
  return ROLES.indexOf(useUser().role as Role) >= ROLES.indexOf(role);
}
