import type { Panel } from '../schemas/panel.ts';
import { ALERTS_PANEL, ALERT_TIMES_PANEL } from './alerts/panel.ts';
import { ATTRIBUTION_PANEL } from './attribution/panel.ts';
import { VERDICTS_PANEL } from './bots/panel.ts';
import {
  FULFILMENT_BANDS_PANEL,
  FULFILMENT_PANEL,
  FULFILMENT_REASONS_PANEL,
  NODE_CAPACITY_PANEL,
} from './fulfilment/panel.ts';
import { PARITY_PANEL } from './parity/panel.ts';
import { STOCK_PANEL } from './stock/panel.ts';
import { BOTS_PANEL, BOT_WITHDRAWALS_PANEL, CHANNELS_PANEL } from './traffic/panel.ts';

/** The panels that are shown, in the order in which documentation lists them. */
export const PANELS: readonly Panel[] = [
  CHANNELS_PANEL,
  BOTS_PANEL,
  BOT_WITHDRAWALS_PANEL,
  VERDICTS_PANEL,
  ATTRIBUTION_PANEL,
  STOCK_PANEL,
  PARITY_PANEL,
  FULFILMENT_PANEL,
  FULFILMENT_REASONS_PANEL,
  FULFILMENT_BANDS_PANEL,
  NODE_CAPACITY_PANEL,
  ALERTS_PANEL,
  ALERT_TIMES_PANEL,
];
