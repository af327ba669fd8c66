import { join } from 'node:path';

import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';

import { type RunningApi, startApi } from '../../api/main.ts';
import { isSigned } from '../../api/webhooks/signature.ts';
import { Random } from '../../bench/shop/random.ts';
import { DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { PANELS } from '../../processors/panels.ts';
import { erase } from '../../schemas/brand.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { WebhookReceiver } from '../doubles/webhook-receiver.ts';
import { temporaryDirectory } from './command-line.ts';

const SKUS = 5_000;
const NODES = ['berlin', 'lyon'];
const KEYS = SKUS * NODES.length;
/** Messages of single alerts a minute, as docs/alerts.md promises. */
const SINGLES = 20;
/** The door takes so many events at once. */
const BATCH_EVENTS = 1_000;
const START_MS = Date.UTC(2026, 2, 1);
const STORM_MS = START_MS + HOUR_MS;
const SECRET = 'a-secret-of-more-than-32-characters';
const WAIT = { timeout: 60_000, interval: 20 };
const TIMEOUT_MS = 180_000;

interface Told {
  readonly delivery_id: string;
  readonly transition?: string;
  readonly alert?: { readonly alert_id: string };
  readonly digest?: { readonly count: number; readonly counts: Readonly<Record<string, number>> };
}

let receiver: WebhookReceiver | undefined;
let engine: Embedded | undefined;
let api: RunningApi | undefined;

async function stop(): Promise<void> {
  await api?.close();
  await engine?.close();
  api = undefined;
  engine = undefined;
}

afterEach(async () => {
  await stop();
  receiver?.close();
});

/** A count of every SKU at every node within a minute, in no order, one in fifty sent twice. */
function countsOfAll(name: string, onHand: number, startMs: number): readonly object[] {
  const random = new Random(7, 'storm');
  const events = Array.from({ length: KEYS }, (_, index) => ({
    event_id: `${name}-${index}`,
    occurred_at: startMs + Math.floor((index * MINUTE_MS) / KEYS),
    source: 'warehouse',
    kind: 'count',
    sku: `SKU-${index % SKUS}`,
    node_id: NODES[Math.floor(index / SKUS)],
    on_hand: onHand,
  }));
  const sent = [...events, ...events.filter((_, index) => index % 50 === 0)];
  return sent
    .map((event) => ({ event, rank: random.below(1_000_000) }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ event }) => event);
}

test(
  'of 10,000 stockouts in a minute each is one incident and told once, 20 alone and the rest in digests, also when the process dies before the first digest',
  async () => {
    const directory = temporaryDirectory();
    const clock = new ManualClock(START_MS + DAY_MS);
    const heard = await WebhookReceiver.open();
    receiver = heard;
    const start = async (): Promise<Embedded> => {
      const config = {
        ...DEFAULT_CONFIG,
        data_dir: directory,
        log_level: 'error',
        http: { ...DEFAULT_CONFIG.http, port: 0 },
        alerts: {
          ...DEFAULT_CONFIG.alerts,
          webhooks: [heard.url],
          webhook_secret: SECRET,
          webhook_private: true,
        },
      } as const;
      const opened = await Embedded.open(config, (error) => {
        throw error;
      });
      engine = opened;
      api = await startApi({
        config,
        engine: opened,
        panels: PANELS,
        pageDir: undefined,
        journalPath: join(directory, 'webhooks.ndjson'),
        logger: pino({ level: 'silent' }),
        clock,
      });
      return opened;
    };
    const take = async (opened: Embedded, events: readonly object[]): Promise<void> => {
      for (let from = 0; from < events.length; from += BATCH_EVENTS) {
        const answer = await opened.ingest('inventory', events.slice(from, from + BATCH_EVENTS));
        expect(answer.rejected).toEqual([]);
      }
      await opened.drain();
    };
    const told = (): readonly Told[] => heard.received.map(({ body }) => erase(JSON.parse(body)));
    const alone = (transition: string): readonly Told[] =>
      told().filter((message) => message.transition === transition);
    const inDigests = (name: string): number =>
      told().reduce((sum, { digest }) => sum + (digest?.counts[name] ?? 0), 0);

    const first = await start();
    await take(first, countsOfAll('full', 5, START_MS));
    await take(first, countsOfAll('out', 0, STORM_MS));
    clock.advance(5 * SECOND_MS);
    await vi.waitFor(() => expect(alone('opened').length).toBe(SINGLES), WAIT);

    // The digest of the minute is not sent yet: what waits for it must not be forgotten.
    await stop();
    const second = await start();
    clock.advance(5 * SECOND_MS);
    await vi.waitFor(() => expect(alone('opened').length).toBe(2 * SINGLES), WAIT);
    clock.advance(MINUTE_MS);
    await vi.waitFor(() => expect(inDigests('stockout opened')).toBe(KEYS - 2 * SINGLES), WAIT);

    await take(second, countsOfAll('full-again', 5, STORM_MS + 10 * MINUTE_MS));
    clock.advance(DEFAULT_CONFIG.alerts.flap_window + 2 * MINUTE_MS);
    await vi.waitFor(
      () => expect(alone('resolved').length + inDigests('stockout resolved')).toBe(KEYS),
      WAIT,
    );
    clock.advance(HOUR_MS);

    const [inbox] = await second.query(
      `SELECT toUInt32(count()) AS incidents, toUInt32(uniqExact(sku, node_id)) AS keys,
         toUInt32(countIf(state = 'resolved' AND opened_at >= {storm:DateTime64(3, 'UTC')})) AS resolved
       FROM weir.alerts WHERE kind = 'stockout'`,
      { storm: '2026-03-01 01:00:00.000' },
    );
    expect(inbox).toEqual({ incidents: KEYS, keys: KEYS, resolved: KEYS });
    const ids = told().map(({ delivery_id }) => delivery_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(alone('opened').length + inDigests('stockout opened')).toBe(KEYS);
    expect(alone('resolved').length).toBeLessThanOrEqual(SINGLES);
    for (const { body, headers } of heard.received) {
      const signature = String(headers['x-weir-signature']);
      const nowMs = Number(/^t=(\d+)/.exec(signature)?.[1]) * SECOND_MS;
      expect(isSigned(signature, { body, secret: SECRET, nowMs })).toBe(true);
    }
  },
  TIMEOUT_MS,
);
