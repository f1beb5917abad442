/** What the form holds: the paths are the API's own, so its faults find their fields. */
import type { FieldPath } from 'react-hook-form';
import { askedOnce, type Schemas } from '../../api/client';
import type { Contact } from './list/list';
import type { Pace } from './pace';

export interface Values {
  name: string;
  config: {
    systemPrompt: string;
    imageUrl: string;
    model: string;
    /** A number field that was emptied holds ''. */
    delayMin: number | '';
    delayMax: number | '';
    instances: string[];
  };
  when: 'now' | 'later';
  /** As `datetime-local` writes it: no zone, the browser's is meant. */
  scheduleAt: string;
}

export const STEPS = ['contacts', 'message', 'pace', 'confirm'] as const;

/** The step that shows a field; what is in none is said at the end. */
export const FIELD_STEPS: Partial<Record<FieldPath<Values>, number>> = {
  'config.systemPrompt': 1,
  'config.imageUrl': 1,
  'config.model': 1,
  'config.delayMin': 2,
  'config.delayMax': 2,
  'config.instances': 2,
  scheduleAt: 2,
  name: 3,
};

export const FIELDS = Object.keys(FIELD_STEPS) as FieldPath<Values>[];

export const emptyValues = (): Values => ({
  name: '',
  config: {
    systemPrompt: '',
    imageUrl: '',
    model: '',
    delayMin: 30,
    delayMax: 60,
    instances: [],
  },
  when: 'now',
  scheduleAt: '',
});

export const paceOf = ({ config }: Pick<Values, 'config'>): Pace => ({
  delayMin: Number(config.delayMin),
  delayMax: Number(config.delayMax),
});

export function configOf({ config }: Values): Schemas['ConfigBody'] {
  return {
    systemPrompt: config.systemPrompt,
    ...(config.imageUrl.trim() === '' ? {} : { imageUrl: config.imageUrl.trim() }),
    ...(config.model === '' ? {} : { model: config.model }),
    ...(config.instances.length === 0 ? {} : { instances: config.instances }),
    ...paceOf({ config }),
  };
}

/** When it starts: an instant, or null for as soon as possible. */
export function startOf({ when, scheduleAt }: Pick<Values, 'when' | 'scheduleAt'>): Date | null {
  if (when === 'now' || scheduleAt === '') return null;
  const start = new Date(scheduleAt);
  return Number.isNaN(start.getTime()) ? null : start;
}

export function bodyOf(values: Values, contacts: Contact[]): Schemas['CampaignBody'] {
  const start = startOf(values);
  return {
    name: values.name.trim(),
    contacts,
    config: configOf(values),
    ...(start === null ? {} : { scheduleAt: start.toISOString() }),
  };
}

/** The same body keeps its key, so that asking again after a lost answer sends nothing twice. */
export function keyKeeper(): (body: object) => string {
  let asked = '';
  let key = '';
  return (body) => {
    const now = JSON.stringify(body);
    if (now !== asked) {
      asked = now;
      key = askedOnce();
    }
    return key;
  };
}
