import { setTimeout as wait } from 'node:timers/promises';

import { childInput, sendResult } from '../measure/child.ts';
import { Shop } from '../shop/shop.ts';
import { ShopProducer } from './shop-producer.ts';

/*
 * A shop whose clock goes as fast as ours: writes its events to Kafka as they happen, and tells after
 * each batch how many there have been.
 */

export interface FeedInput {
  readonly broker: string;
  readonly eventsPerSecond: number;
  readonly durationMs: number;
  readonly startMs: number;
}

/** What it tells on the way and at last. */
export interface Fed {
  readonly sent: number;
  readonly isLast: boolean;
}

const BATCH_MS = 50;

const { broker, eventsPerSecond, durationMs, startMs } = childInput<FeedInput>();
const shop = new Shop({ seed: 11, startMs, eventsPerSecond, durationMs, rhythmRatio: 0 });
const producer = new ShopProducer(broker);
await producer.connect();
const startedAtMs = performance.now();
let sent = 0;
for (let dueMs = BATCH_MS; dueMs <= durationMs; dueMs += BATCH_MS) {
  const waitMs = startedAtMs + dueMs - performance.now();
  if (waitMs > 0) await wait(waitMs);
  const events = shop.next(startMs + dueMs);
  shop.takeTruth();
  if (events.length === 0) continue;
  await producer.send(events);
  sent += events.length;
  await sendResult({ sent, isLast: false } satisfies Fed);
}
await producer.close();
await sendResult({ sent, isLast: true } satisfies Fed);
