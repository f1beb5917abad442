import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format';
import type { CheckedProblem } from './preflight';

/** Why one row is skipped, in the words and line numbers of its owner. */
export function useProblemText(lines: readonly number[]): (problem: CheckedProblem) => string {
  const { t, i18n } = useTranslation('new-campaign');
  const format = useFormat();
  return useCallback(
    (problem) => {
      if (problem.reason === 'duplicate' && problem.same_as !== null) {
        return t('problem.duplicate', { line: format.number(lines[problem.same_as] ?? 0) });
      }
      const key = `problem.${problem.detail ?? problem.reason}`;
      const known: unknown = i18n.getResource(i18n.language, 'new-campaign', key);
      return typeof known === 'string' ? known : problem.message;
    },
    [t, i18n, format, lines],
  );
}
