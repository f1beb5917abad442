import { Button, Center, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { changeLanguage } from '../../i18n';
import { LANGUAGES } from '../../i18n/languages';
import SignInForm from './SignInForm';

/** The first thing a person sees. */
export default function SignInPage() {
  const { t, i18n } = useTranslation('sign-in');
  useEffect(() => {
    document.title = `${t('title')} · RapidFlow`;
  }, [t]);
  return (
    <Center mih="100vh" p="md" component="main">
      <Stack w="100%" maw={400}>
        <Group justify="center" gap="sm">
          <img src="/favicon.svg" alt="" width={36} height={36} />
          <Text fw={750} size="xl">
            RapidFlow
          </Text>
        </Group>
        <Paper withBorder p="lg">
          <Title order={1} size="h3" mb="md">
            {t('title')}
          </Title>
          <SignInForm />
          <Text size="xs" c="dimmed" mt="md">
            {t('help')}
          </Text>
        </Paper>
        <Group justify="center" gap="xs">
          {LANGUAGES.filter((language) => language !== i18n.language).map((language) => (
            <Button
              key={language}
              variant="subtle"
              size="xs"
              lang={language}
              onClick={() => void changeLanguage(language)}
            >
              {t(`language.${language}`, { ns: 'common' })}
            </Button>
          ))}
        </Group>
      </Stack>
    </Center>
  );
}
