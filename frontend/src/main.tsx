import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { start } from './api/session';
import { App } from './app/App';
import { shareNonce } from './app/nonce';
import { startI18n } from './i18n';

shareNonce();
const root = document.getElementById('root');
if (root === null) throw new Error('no #root');
const page = createRoot(root);
void start();
void startI18n().then(() => {
  page.render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
});
