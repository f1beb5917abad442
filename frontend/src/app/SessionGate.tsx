import { Button, Center, Modal, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { start } from '../api/session';
import { Loading } from '../components/Loading';
import { useSession, UserContext } from './useSession';

const SignInPage = lazy(() => import('../features/sign-in/SignInPage'));
const SignInForm = lazy(() => import('../features/sign-in/SignInForm'));

/** Pages for who is signed in, the sign-in for who is not. A session that ends leaves the page as it is. */
export function SessionGate({ children }: { children: ReactNode }) {
  const session = useSession();
  const queries = useQueryClient();
  const { t } = useTranslation();
  const who = 'user' in session ? session.user.id : null;
  const last = useRef<number | null>(null);
  useEffect(() => {
    // Nothing of one person is left for the next.
    if (last.current !== null && last.current !== who) queries.clear();
    last.current = who;
  }, [who, queries]);
  useEffect(() => {
    if (session.status === 'signedIn') void queries.invalidateQueries({ predicate: failed });
  }, [session.status, queries]);

  switch (session.status) {
    case 'starting':
      return <Loading />;
    case 'unreachable':
      return (
        <Center mih="60vh">
          <Stack align="center">
            <Text role="alert">{t('error.network')}</Text>
            <Button onClick={() => void start()}>{t('action.retry')}</Button>
          </Stack>
        </Center>
      );
    case 'signedOut':
      return <SignInPage />;
    default:
      return (
        <UserContext.Provider value={session.user}>
          {children}
          <Modal
            opened={session.status === 'expired'}
            onClose={() => undefined}
            withCloseButton={false}
            title={t('session.expiredTitle')}
            centered
          >
            <Text size="sm" mb="sm">
              {t('session.expiredBody')}
            </Text>
            <Suspense fallback={<Loading />}>
              <SignInForm email={session.user.email} />
            </Suspense>
          </Modal>
        </UserContext.Provider>
      );
  }
}

function failed(query: { state: { status: string } }): boolean {
  return query.state.status === 'error';
}
