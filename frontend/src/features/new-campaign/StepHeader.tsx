import { UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { STEPS } from './form';
import classes from './NewCampaign.module.css';

interface StepHeaderProps {
  step: number;
  /** The farthest that can be opened. */
  reach: number;
  onStep: (step: number) => void;
}

/** Where one is, and the way back to what is done. */
export function StepHeader({ step, reach, onStep }: StepHeaderProps) {
  const { t } = useTranslation('new-campaign');
  return (
    <nav aria-label={t('steps.label')}>
      <ol className={classes.steps}>
        {STEPS.map((name, at) => (
          <li key={name} className={classes.step}>
            <UnstyledButton
              className={classes.stepButton}
              disabled={at > reach}
              data-done={at < step || undefined}
              aria-current={at === step ? 'step' : undefined}
              onClick={() => {
                onStep(at);
              }}
            >
              <span className={classes.stepNumber}>{at + 1}.</span> {t(`steps.${name}`)}
            </UnstyledButton>
          </li>
        ))}
      </ol>
    </nav>
  );
}
