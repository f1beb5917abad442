import type access from '../features/access/locales/pt-BR.json';
import type campaign from '../features/campaign/locales/pt-BR.json';
import type campaigns from '../features/campaigns/locales/pt-BR.json';
import type dashboard from '../features/dashboard/locales/pt-BR.json';
import type instances from '../features/instances/locales/pt-BR.json';
import type limits from '../features/limits/locales/pt-BR.json';
import type newCampaign from '../features/new-campaign/locales/pt-BR.json';
import type optOuts from '../features/opt-outs/locales/pt-BR.json';
import type signIn from '../features/sign-in/locales/pt-BR.json';
import type common from '../locales/pt-BR.json';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    resources: {
      common: typeof common;
      access: typeof access;
      campaign: typeof campaign;
      campaigns: typeof campaigns;
      dashboard: typeof dashboard;
      instances: typeof instances;
      limits: typeof limits;
      'new-campaign': typeof newCampaign;
      'opt-outs': typeof optOuts;
      'sign-in': typeof signIn;
    };
  }
}
