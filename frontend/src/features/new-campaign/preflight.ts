/** The API's judgement of a list, sorted for the person who made the list. */
import type { Schemas } from '../../api/client';

export type Check = Schemas['CheckAnswer'];
export type CheckedProblem = Schemas['CheckedProblem'];

export const REASONS = ['invalid_phone', 'empty_name', 'duplicate', 'suppressed'] as const;
export type Reason = (typeof REASONS)[number];
export const REMARKS = ['landline', 'not_mobile'] as const;
export type RemarkCode = (typeof REMARKS)[number];

export interface SkippedGroup {
  reason: Reason;
  problems: CheckedProblem[];
}

/** The largest first; reasons nobody has are left out. */
export function skippedGroups(check: Check): SkippedGroup[] {
  return REASONS.map((reason) => ({
    reason,
    problems: check.problems.filter((problem) => problem.reason === reason),
  }))
    .filter(({ problems }) => problems.length > 0)
    .sort((a, b) => b.problems.length - a.problems.length);
}

export interface RemarkGroup {
  code: RemarkCode;
  places: number[];
}

export function remarkGroups(check: Check): RemarkGroup[] {
  return REMARKS.map((code) => ({
    code,
    places: check.remarks.filter((remark) => remark.code === code).map(({ index }) => index),
  })).filter(({ places }) => places.length > 0);
}

export function problemsByPlace(check: Check | undefined): ReadonlyMap<number, CheckedProblem> {
  return new Map(check?.problems.map((problem) => [problem.index, problem]));
}

/** Places of those who will be written to. */
export function sendablePlaces(total: number, check: Check): number[] {
  const skipped = problemsByPlace(check);
  return Array.from({ length: total }, (_, at) => at).filter((at) => !skipped.has(at));
}
