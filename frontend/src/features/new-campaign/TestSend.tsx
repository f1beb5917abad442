import { Anchor, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { useFormContext } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { api, type Schemas, told } from '../../api/client';
import { ErrorPanel } from '../../components/ErrorPanel';
import { SendIcon } from '../../components/icons';
import { Panel } from '../../components/Panel';
import { live } from '../../live';
import { configOf, keyKeeper, type Values } from './form';
import type { CampaignList } from './useContactList';

/**
 * The message as the contact in the preview would get it, to the person's own phone: a campaign of
 * one, so that it takes the very way the others will.
 */
export function TestSend({ list, shown }: { list: CampaignList; shown: number }) {
  const { t } = useTranslation('new-campaign');
  const { getValues, trigger } = useFormContext<Values>();
  const queries = useQueryClient();
  const [phone, setPhone] = useState('');
  const [missing, setMissing] = useState(false);
  // The same test asked for again is another one; one whose answer was lost is not.
  const [sends, setSends] = useState(0);
  const [keyOf] = useState(keyKeeper);
  const send = useMutation({
    mutationFn: () => {
      const contact = list.list.contacts[list.sendable[shown] ?? 0] ?? {};
      const body: Schemas['CampaignBody'] = {
        name: t('test.name'),
        contacts: [{ ...contact, telefone: phone }],
        config: { ...configOf(getValues()), delayMin: 0, delayMax: 0 },
        priority: 100,
      };
      const params = { header: { 'Idempotency-Key': keyOf({ body, sends }) } };
      return told(api.POST('/api/campaigns', { params, body }));
    },
    onSuccess: () => {
      setSends((before) => before + 1);
      void queries.invalidateQueries({ queryKey: ['campaigns'] });
    },
  });

  const start = async (): Promise<void> => {
    setMissing(phone.trim() === '');
    const ready = await trigger(['config.systemPrompt', 'config.imageUrl']);
    if (ready && phone.trim() !== '') send.mutate();
  };

  return (
    <Panel title={t('test.title')}>
      <Stack gap="sm">
        <TextInput
          label={t('test.phone')}
          description={t('test.hint')}
          type="tel"
          autoComplete="tel"
          placeholder="(11) 98765-4321"
          value={phone}
          error={missing && t('test.missing')}
          onChange={(event) => {
            setPhone(event.currentTarget.value);
            setMissing(false);
          }}
          onKeyDown={(event: KeyboardEvent) => {
            if (event.key !== 'Enter') return;
            event.preventDefault(); // the form around it goes to the next step
            void start();
          }}
        />
        <Group>
          <Button
            variant="default"
            leftSection={<SendIcon size={16} aria-hidden />}
            loading={send.isPending}
            onClick={() => void start()}
          >
            {t('test.send')}
          </Button>
        </Group>
        {send.isError && <ErrorPanel error={send.error} title={t('test.refused')} />}
        {send.data !== undefined && <Progress campaignId={send.data.campaign.campaign_id} />}
      </Stack>
    </Panel>
  );
}

const OVER = new Set(['sent', 'delivered', 'read', 'failed', 'skipped', 'cancelled', 'in_doubt']);

function Progress({ campaignId }: { campaignId: string }) {
  const { t } = useTranslation('new-campaign');
  const { data, error, refetch } = useQuery({
    queryKey: ['campaign', campaignId, 'test'],
    queryFn: async ({ signal }) => {
      const params = { path: { reference: campaignId }, query: { limit: 1 } };
      const page = await told(
        api.GET('/api/campaigns/{reference}/messages', { params, signal }),
      );
      return page.messages[0] ?? null;
    },
    refetchInterval: ({ state }) => (OVER.has(state.data?.status ?? '') ? false : 10_000),
  });
  useEffect(
    () => live.watchCampaign(campaignId, null, { onUpdates: () => void refetch() }),
    [campaignId, refetch],
  );
  if (error !== null) return <ErrorPanel error={error} onRetry={() => void refetch()} />;
  return (
    <Text size="sm" role="status">
      {stateOf(data?.status)}{' '}
      <Anchor component={Link} to={`/campanhas/${campaignId}`} target="_blank">
        {t('test.open')}
      </Anchor>
    </Text>
  );

  function stateOf(status: string | undefined): string {
    switch (status) {
      case 'sent':
      case 'delivered':
      case 'read':
        return t('test.sent');
      case 'failed':
      case 'skipped':
      case 'cancelled':
        return t('test.failed', { why: data?.reason_text ?? '' });
      case 'in_doubt':
        return t('test.doubt');
      default:
        return t('test.waiting');
    }
  }
}
