import type { EnginePort } from '../../schemas/ports.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { Journal } from './journal.ts';
import { sendMessage } from './send.ts';
import { Silences } from './silences.ts';
import { Webhooks } from './webhooks.ts';

/** The part of the configuration that webhooks need, in the configuration's own words. */
export interface AlertConfig {
  readonly webhooks: readonly string[] | undefined;
  readonly webhook_secret: string | undefined;
  /** Whether webhooks may go to loopback, private and other addresses that are not public. */
  readonly webhook_private: boolean;
  /** Signs what other programs ask about alerts; messages then have a button for Slack. */
  readonly action_secret: string | undefined;
  readonly flap_window: number;
  /** Where people reach the api, such as `https://weir.example.com`. */
  readonly public_url: string | undefined;
}

/** How soon a new silence holds. */
const SILENCES_EVERY_MS = 10 * SECOND_MS;

/**
 * Starts to tell webhooks of alerts; returns how to stop, undefined when there are no webhooks.
 *
 * @param options.journalPath the file that remembers what was told; undefined for memory only
 */
export function startWebhooks(options: {
  readonly config: { readonly alerts: AlertConfig };
  readonly engine: EnginePort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journalPath: string | undefined;
}): (() => void) | undefined {
  const { config, engine, clock, logger } = options;
  if (config.alerts.webhooks === undefined || config.alerts.webhooks.length === 0) return undefined;
  const silences = new Silences();
  const webhooks = new Webhooks({
    engine,
    targets: config.alerts.webhooks,
    journal: new Journal(options.journalPath),
    clock,
    logger,
    publicUrl: config.alerts.public_url,
    hasButton: config.alerts.action_secret !== undefined,
    flapMs: config.alerts.flap_window,
    isSilenced: (alert, nowMs) => silences.isSilenced(alert, nowMs),
    send: (target, message, nowMs) =>
      sendMessage(target, message, {
        secret: config.alerts.webhook_secret,
        isPrivateAllowed: config.alerts.webhook_private,
        nowMs,
      }),
  });
  void silences.refresh(engine);
  const stopSilences = clock.every(SILENCES_EVERY_MS, () => void silences.refresh(engine));
  webhooks.start();
  return () => {
    stopSilences();
    webhooks.stop();
  };
}
