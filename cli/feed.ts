import { setTimeout as wait } from 'node:timers/promises';

import type { ShopOptions } from '../bench/shop/options.ts';
import type { ShopEvent } from '../bench/shop/shop-event.ts';
import { Shop } from '../bench/shop/shop.ts';
import { EngineError } from '../schemas/errors.ts';
import { SECOND_MS } from '../schemas/time.ts';
import { EVENT_TYPES, type EventType } from '../schemas/topics.ts';

/** Takes one batch of events; resolves when there is room for the next. */
export type Take = (type: EventType, events: readonly ShopEvent[]) => Promise<void>;

/** Time of the shop that is computed at once while it catches up with the present. */
const HISTORY_STEP_MS = 60 * SECOND_MS;
/** How often the present is caught up with: smooth to the eye. */
const PRESENT_STEP_MS = 100;

/**
 * Opens a simulated shop some time ago, lets it catch up with the present as fast as `take` allows,
 * and then go on in real time until `signal` aborts.
 */
export async function feedShop(
  options: Pick<ShopOptions, 'seed' | 'eventsPerSecond' | 'holdoutKeyOf' | 'loginShare'> & {
    readonly historyMs: number;
  },
  take: Take,
  signal: AbortSignal,
): Promise<void> {
  const { historyMs, ...shopOptions } = options;
  const startMs = Date.now() - historyMs;
  const shop = new Shop({ ...shopOptions, startMs, durationMs: Infinity });
  while (!signal.aborted) {
    const nowMs = Date.now();
    const untilMs = Math.min(nowMs, shop.nowMs + HISTORY_STEP_MS);
    await takeByType([...shop.next(untilMs)], take);
    // Nobody asks a demo for its truth; untaken it would grow for as long as the shop is open.
    shop.takeTruth();
    if (untilMs === nowMs) await wait(PRESENT_STEP_MS);
  }
}

/** Hands events on by type, in the order of each type. */
export async function takeByType(events: readonly ShopEvent[], take: Take): Promise<void> {
  for (const type of EVENT_TYPES) {
    const ofType = events.filter((event) => event.type === type);
    if (ofType.length > 0) await take(type, ofType);
  }
}

/**
 * Sends events to a running Weir over HTTP, at the pace at which it takes them.
 *
 * @throws {EngineError} WEIR_UNREACHABLE when nobody answers at `url`; WEIR_REFUSED
 */
export function takeOverHttp(url: string, key?: string): Take {
  const login = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return async (type, events) => {
    const body = events.map((event) => event.json).join('\n');
    for (;;) {
      const answer = await fetch(new URL(`/v1/events/${type}`, url), {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson', ...login },
        body,
      }).catch((cause: unknown) => {
        throw new EngineError({
          code: 'WEIR_UNREACHABLE',
          kind: 'fatal',
          message: `Expected a running Weir at ${url}, nobody answers`,
          cause,
        });
      });
      if (answer.status === 202) return;
      const retryAfter = answer.headers.get('retry-after');
      if (retryAfter === null) {
        throw new EngineError({
          code: 'WEIR_REFUSED',
          kind: 'fatal',
          message: `Expected ${url} to take events, got ${answer.status}: ${await answer.text()}`,
        });
      }
      await wait(Number(retryAfter) * SECOND_MS);
    }
  };
}
