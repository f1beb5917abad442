import { Image, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../../api/client';
import { Panel } from '../../components/Panel';
import { usePaceText } from '../../components/usePaceText';
import { useFormat } from '../../format';
import classes from './MessageTrail.module.css';

/** What is sent, and how. */
export function TextPanel({ campaign }: { campaign: Schemas['CampaignDetail'] }) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const paceText = usePaceText();
  const { config, text } = campaign;
  return (
    <Panel title={t('text.title')}>
      {config.imageUrl !== null && (
        <Image src={config.imageUrl} alt={t('text.image')} radius="md" mah={160} maw={280} mb="xs" />
      )}
      <div className={classes.bubble}>{config.systemPrompt}</div>
      <Text size="sm" mt="sm">
        {paceText(config)}.
      </Text>
      {text !== null && (
        <Text size="sm" mt={4}>
          {t('text.model', {
            model: text.model,
            written: format.number(text.written),
            waiting: format.number(text.waiting),
          })}
        </Text>
      )}
      <Text size="xs" c="dimmed" mt={4}>
        {t('text.code', { code: campaign.campaign_id })}
      </Text>
    </Panel>
  );
}
