/** The list of the campaign in the making: read, mapped, judged by the API. */
import { startTransition, useCallback, useMemo, useRef, useState } from 'react';
import { guessRoles, hasHeading, keysOf, type Role } from './list/headings';
import { contactsOf } from './list/list';
import { recallRoles, rememberRoles } from './list/memory';
import { readList } from './list/readList';
import { ListFault, type ListRecord } from './list/records';
import { sendablePlaces } from './preflight';
import { useCheck } from './queries';

interface Loaded {
  id: number;
  /** The file's name; null: pasted. */
  source: string | null;
  records: ListRecord[];
  heading: boolean;
  roles: Role[];
  /** The columns were used like this before. */
  recalled: boolean;
}

export function useContactList(most: number) {
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [fault, setFault] = useState<ListFault | null>(null);
  const [reading, setReading] = useState(false);
  const lists = useRef(0);

  const load = useCallback(async (source: File | string) => {
    const id = (lists.current += 1);
    setReading(true);
    setFault(null);
    try {
      const records = await readList(source);
      if (id !== lists.current) return;
      startTransition(() => {
        setLoaded({
          id,
          source: typeof source === 'string' ? null : source.name,
          records,
          ...proposed(records, hasHeading(records)),
        });
      });
    } catch (error) {
      if (id === lists.current) setFault(error instanceof ListFault ? error : new ListFault('notAList'));
    } finally {
      if (id === lists.current) setReading(false);
    }
  }, []);

  const clear = useCallback(() => {
    lists.current += 1;
    setLoaded(null);
    setFault(null);
    setReading(false);
  }, []);

  const setRole = useCallback((column: number, role: Role) => {
    setLoaded((now) => {
      if (now === null) return now;
      const roles = now.roles.map((before, at): Role => {
        if (at === column) return role;
        const single = role === 'nome' || role === 'telefone';
        return single && before === role ? 'variable' : before;
      });
      if (now.heading) rememberRoles(now.records[0]?.cells ?? [], roles);
      return { ...now, roles, recalled: false };
    });
  }, []);

  const setHeading = useCallback((heading: boolean) => {
    setLoaded((now) => now && { ...now, ...proposed(now.records, heading) });
  }, []);

  const list = useMemo(
    () =>
      loaded === null
        ? { contacts: [], lines: [], variables: [] }
        : contactsOf(loaded.records, loaded.heading, loaded.roles, most),
    [loaded, most],
  );
  const keys = useMemo(
    () => (loaded === null ? [] : keysOf(loaded.records, loaded.heading)),
    [loaded],
  );
  const mapped =
    loaded !== null && loaded.roles.includes('nome') && loaded.roles.includes('telefone');
  const of = loaded === null ? '' : `${loaded.id} ${String(loaded.heading)} ${loaded.roles.join()}`;
  const check = useCheck(of, list.contacts, mapped && list.contacts.length > 0);
  const sendable = useMemo(
    () => (check.data === undefined ? [] : sendablePlaces(list.contacts.length, check.data)),
    [check.data, list],
  );
  const total = loaded === null ? 0 : loaded.records.length - (loaded.heading ? 1 : 0);
  return {
    loaded, fault, reading, load, clear, setRole, setHeading, list, keys, mapped, check, sendable, total,
  }; // prettier-ignore
}

export type CampaignList = ReturnType<typeof useContactList>;

function proposed(records: ListRecord[], heading: boolean): Pick<Loaded, 'heading' | 'roles' | 'recalled'> {
  const recalled = heading ? recallRoles(records[0]?.cells ?? []) : null;
  return { heading, roles: recalled ?? guessRoles(records, heading), recalled: recalled !== null };
}
