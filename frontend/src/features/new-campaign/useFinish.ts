import { useEffect, useState } from 'react';
import { useFormContext, useWatch } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../../api/client';
import { useFormat } from '../../format';
import { paceOf, startOf, type Values } from './form';
import { expectedSeconds } from './pace';

/** In words: how long the campaign takes and when it is over, at the pace in the form. */
export function useFinish(messages: number, options: Schemas['CampaignOptions']): string {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const { control } = useFormContext<Values>();
  const [config, when, scheduleAt] = useWatch({ control, name: ['config', 'when', 'scheduleAt'] });
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 15_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  const seconds = expectedSeconds(messages, paceOf({ config }), options.messages_per_second);
  const start = startOf({ when, scheduleAt });
  if (when === 'later' && start === null) {
    return t('finish.some', { duration: format.duration(seconds), messages: format.number(messages) });
  }
  const end = new Date((start?.getTime() ?? now) + seconds * 1000);
  return t(start === null ? 'finish.now' : 'finish.later', {
    count: messages,
    messages: format.number(messages),
    duration: format.duration(seconds),
    end: format.dateTime(end),
    start: start === null ? '' : format.dateTime(start),
  });
}
