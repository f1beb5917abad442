import { Button, List, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useMay } from '../../app/useSession';
import { Panel } from '../../components/Panel';

/** Nothing was ever sent: what to do, in order. */
export function FirstSteps({ connected }: { connected: boolean }) {
  const { t } = useTranslation('dashboard');
  const mayConnect = useMay('admin');
  const maySend = useMay('operator');
  return (
    <Panel title={t('first.title')}>
      <List type="ordered" spacing="sm">
        <List.Item>
          <Text size="sm">{t(connected ? 'first.connected' : 'first.connect')}</Text>
          {!connected && mayConnect && (
            <Button component={Link} to="/numeros" size="xs" mt={6}>
              {t('first.connectAction')}
            </Button>
          )}
        </List.Item>
        <List.Item>
          <Text size="sm">{t('first.create')}</Text>
          {connected && maySend && (
            <Button component={Link} to="/campanhas/nova" size="xs" mt={6}>
              {t('newCampaign')}
            </Button>
          )}
        </List.Item>
        <List.Item>
          <Text size="sm">{t('first.watch')}</Text>
        </List.Item>
      </List>
    </Panel>
  );
}
