import { AppShell, Burger, Group, NavLink, ScrollArea, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Suspense, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation } from 'react-router';
import {
  GaugeIcon,
  KeyRoundIcon,
  LayoutDashboardIcon,
  MegaphoneIcon,
  SmartphoneIcon,
  UserXIcon,
  UsersIcon,
} from '../components/icons';
import { Loading } from '../components/Loading';
import { ThrottleBar } from './ThrottleBar';
import { UserMenu } from './UserMenu';
import { type Role, useMay } from './useSession';

const LINKS = [
  { to: '/', text: 'nav.dashboard', Icon: LayoutDashboardIcon, role: 'viewer' },
  { to: '/campanhas', text: 'nav.campaigns', Icon: MegaphoneIcon, role: 'viewer' },
  { to: '/numeros', text: 'nav.instances', Icon: SmartphoneIcon, role: 'viewer' },
  { to: '/descadastros', text: 'nav.optOuts', Icon: UserXIcon, role: 'viewer' },
  { to: '/equipe', text: 'nav.users', Icon: UsersIcon, role: 'admin' },
  { to: '/chaves', text: 'nav.keys', Icon: KeyRoundIcon, role: 'operator' },
  { to: '/plano', text: 'nav.limits', Icon: GaugeIcon, role: 'viewer' },
] as const;

/** Head, navigation, and the page in between. */
export function Shell() {
  const { t } = useTranslation();
  const [opened, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    close();
    main.current?.focus(); // screen readers go on in the new page
  }, [pathname, close]);

  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 224, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'sm', sm: 'lg' }}
    >
      <a className="skip-link" href="#conteudo">
        {t('skip')}
      </a>
      <AppShell.Header className="no-print">
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t('nav.menu')}
              aria-expanded={opened}
            />
            <img src="/favicon.svg" alt="" width={26} height={26} />
            <Text fw={700}>RapidFlow</Text>
          </Group>
          <UserMenu />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="no-print" aria-label={t('nav.label')}>
        <ScrollArea>
          {LINKS.map(({ to, text, role, Icon }) => (
            <ShellLink key={to} to={to} label={t(text)} role={role} Icon={Icon} pathname={pathname} />
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="conteudo" ref={main} tabIndex={-1} style={{ outline: 'none' }}>
        <ThrottleBar />
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
    </AppShell>
  );
}

interface ShellLinkProps {
  to: string;
  label: string;
  role: Role;
  Icon: typeof GaugeIcon;
  pathname: string;
}

function ShellLink({ to, label, role, Icon, pathname }: ShellLinkProps) {
  const here = to === '/' ? pathname === '/' : pathname.startsWith(to);
  if (!useMay(role)) return null;
  return (
    <NavLink
      component={Link}
      to={to}
      label={label}
      active={here}
      aria-current={here ? 'page' : undefined}
      leftSection={<Icon size={18} aria-hidden />}
      color="gray"
      variant="light"
      fw={here ? 650 : 450}
    />
  );
}
