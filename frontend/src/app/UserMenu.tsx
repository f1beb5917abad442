import { Button, Menu, Text, useMantineColorScheme } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { signOut } from '../api/session';
import {
  CircleUserIcon,
  FileTextIcon,
  KeyRoundIcon,
  LanguagesIcon,
  LogOutIcon,
  MoonIcon,
  SunIcon,
  SunMoonIcon,
} from '../components/icons';
import { changeLanguage } from '../i18n';
import { LANGUAGES } from '../i18n/languages';
import { type Role, useUser } from './useSession';

const PasswordModal = lazy(() => import('../features/access/PasswordModal'));

const SCHEMES = [
  { value: 'light', Icon: SunIcon },
  { value: 'dark', Icon: MoonIcon },
  { value: 'auto', Icon: SunMoonIcon },
] as const;

/** Who is signed in; language, colours, the API's page, signing out. */
export function UserMenu() {
  const { t, i18n } = useTranslation();
  const user = useUser();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [changing, setChanging] = useState(false);
  return (
    <>
      <Menu position="bottom-end" width={240} withinPortal>
        <Menu.Target>
          <Button
            variant="subtle"
            color="gray"
            px="xs"
            leftSection={<CircleUserIcon size={20} aria-hidden />}
            aria-label={t('user.menu', { email: user.email })}
          >
            <Text span size="sm" visibleFrom="sm" truncate maw={220} c="var(--mantine-color-text)">
              {user.email}
            </Text>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {user.tenant} · {t(`role.${user.role as Role}`)}
          </Menu.Label>
          <Menu.Divider />
          <Menu.Label>{t('user.language')}</Menu.Label>
          {LANGUAGES.map((language) => (
            <Menu.Item
              key={language}
              lang={language}
              leftSection={<LanguagesIcon size={16} aria-hidden />}
              aria-current={i18n.language === language}
              fw={i18n.language === language ? 700 : 400}
              onClick={() => void changeLanguage(language)}
            >
              {t(`language.${language}`)}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Label>{t('user.scheme')}</Menu.Label>
          {SCHEMES.map(({ value, Icon }) => (
            <Menu.Item
              key={value}
              leftSection={<Icon size={16} aria-hidden />}
              aria-current={colorScheme === value}
              fw={colorScheme === value ? 700 : 400}
              onClick={() => {
                setColorScheme(value);
              }}
            >
              {t(`scheme.${value}`)}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item
            component="a"
            href="/docs"
            leftSection={<FileTextIcon size={16} aria-hidden />}
          >
            {t('user.docs')}
          </Menu.Item>
          <Menu.Item
            leftSection={<KeyRoundIcon size={16} aria-hidden />}
            onClick={() => {
              setChanging(true);
            }}
          >
            {t('user.password')}
          </Menu.Item>
          <Menu.Item leftSection={<LogOutIcon size={16} aria-hidden />} onClick={() => void signOut()}>
            {t('user.signOut')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {changing && (
        <Suspense>
          <PasswordModal
            email={user.email}
            onClose={() => {
              setChanging(false);
            }}
          />
        </Suspense>
      )}
    </>
  );
}
