import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { Suspense, useState } from 'react';
import { RouterProvider } from 'react-router/dom';
import { createQueryClient } from '../api/query';
import { ConfirmProvider } from '../components/ConfirmDialog';
import { Loading } from '../components/Loading';
import { useLiveSocket } from '../live';
import { nonce } from './nonce';
import { createRouter } from './routes';
import { SessionGate } from './SessionGate';
import { cssVariables, theme } from './theme';

export function App() {
  const [client] = useState(createQueryClient);
  const [router] = useState(createRouter);
  useLiveSocket();
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={nonce}
    >
      <Notifications position="bottom-right" />
      <QueryClientProvider client={client}>
        <Suspense fallback={<Loading />}>
          <ConfirmProvider>
            <SessionGate>
              <RouterProvider router={router} />
            </SessionGate>
          </ConfirmProvider>
        </Suspense>
      </QueryClientProvider>
    </MantineProvider>
  );
}
