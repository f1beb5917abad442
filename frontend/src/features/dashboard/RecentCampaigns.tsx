import { Anchor, Group, Progress, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { healthTone } from '../../components/health';
import { StatusBadge } from '../../components/StatusBadge';
import { ToneBadge } from '../../components/ToneBadge';
import { useFormat } from '../../format';
import type { Dashboard } from './queries';

/** The newest campaigns: where they stand, how far they are, how healthy they are. */
export function RecentCampaigns({ campaigns }: { campaigns: Dashboard['recent_campaigns'] }) {
  const { t } = useTranslation('dashboard');
  const format = useFormat();
  return (
    <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
      {campaigns.map((campaign) => (
        <li key={campaign.id}>
          <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
            <Anchor component={Link} to={`/campanhas/${campaign.campaign_id}`} fw={600} size="sm" lineClamp={2}>
              {campaign.name}
            </Anchor>
            <Group gap={6} wrap="nowrap">
              <StatusBadge status={campaign.status} />
              {campaign.processed_count > 0 && (
                <ToneBadge tone={healthTone(campaign.health_score)}>
                  {t('recent.health', { score: campaign.health_score })}
                </ToneBadge>
              )}
            </Group>
          </Group>
          <Progress
            value={campaign.progress_percentage}
            size="sm"
            mt={4}
            aria-label={t('recent.progress', { name: campaign.name })}
          />
          <Text size="xs" c="dimmed" mt={2}>
            {t('recent.line', {
              sent: format.number(campaign.sent_count),
              total: format.number(campaign.total_contacts),
              errors: format.number(campaign.error_count),
              when: format.relative(campaign.created_at),
            })}
          </Text>
        </li>
      ))}
    </Stack>
  );
}
