/** The API's own field paths, put on the fields of a form. */
import type { FieldPath, FieldValues, UseFormSetError } from 'react-hook-form';
import { ApiError } from './errors';

/** `contacts[3].telefone` → `contacts.3.telefone`, the path react-hook-form uses. */
export function formPath(path: string): string {
  return path.replaceAll(/\[(\d+)\]/g, '.$1');
}

/**
 * Show refused fields where they are. `names` maps an API path to the form's where they differ.
 *
 * Returns whether every fault found its field; else the error belongs into an ErrorPanel as well.
 */
export function showFaults<Values extends FieldValues>(
  error: unknown,
  setError: UseFormSetError<Values>,
  fields: readonly FieldPath<Values>[],
  names: Readonly<Record<string, FieldPath<Values>>> = {},
): boolean {
  if (!(error instanceof ApiError) || error.fields.length === 0) return false;
  let all = true;
  for (const fault of error.fields) {
    const path = names[fault.path] ?? (formPath(fault.path) as FieldPath<Values>);
    if (fields.includes(path)) setError(path, { type: fault.code, message: fault.message });
    else all = false;
  }
  return all;
}
