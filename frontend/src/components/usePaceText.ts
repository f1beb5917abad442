import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';

interface Pace {
  delayMin: number;
  delayMax: number;
}

/** The pause between two messages of a campaign, in words. */
export function usePaceText(): (pace: Pace) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return ({ delayMin, delayMax }) => {
    const low = format.decimal(delayMin);
    const high = format.decimal(delayMax);
    const nothing = format.decimal(0);
    if (high === nothing) return t('pace.none');
    if (low === nothing) return t('pace.upTo', { high });
    return low === high ? t('pace.fixed', { high }) : t('pace.between', { low, high });
  };
}
