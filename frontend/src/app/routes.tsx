/** Every page, each in a file of its own that is loaded when it is first opened. */
import type { ComponentType } from 'react';
import { createBrowserRouter, type RouteObject } from 'react-router';
import { Loading } from '../components/Loading';
import { NotFoundPage } from './NotFoundPage';
import { PageFault } from './PageFault';
import { Shell } from './Shell';

type Page = Promise<{ default: ComponentType }>;

const page = (load: () => Page) => async () => ({ Component: (await load()).default });

const pages: RouteObject[] = [
  { index: true, lazy: page(() => import('../features/dashboard/DashboardPage')) },
  { path: 'campanhas', lazy: page(() => import('../features/campaigns/CampaignsPage')) },
  { path: 'campanhas/nova', lazy: page(() => import('../features/new-campaign/NewCampaignPage')) },
  { path: 'campanhas/:id', lazy: page(() => import('../features/campaign/CampaignPage')) },
  { path: 'campanhas/:id/relatorio', lazy: page(() => import('../features/campaign/ReportPage')) },
  { path: 'numeros', lazy: page(() => import('../features/instances/InstancesPage')) },
  { path: 'descadastros', lazy: page(() => import('../features/opt-outs/OptOutsPage')) },
  { path: 'equipe', lazy: page(() => import('../features/access/UsersPage')) },
  { path: 'chaves', lazy: page(() => import('../features/access/KeysPage')) },
  { path: 'plano', lazy: page(() => import('../features/limits/LimitsPage')) },
  { path: '*', Component: NotFoundPage },
];

export const createRouter = () =>
  createBrowserRouter([
    {
      Component: Shell,
      HydrateFallback: Loading,
      ErrorBoundary: PageFault,
      children: [{ ErrorBoundary: PageFault, children: pages }],
    },
  ]);
