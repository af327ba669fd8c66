import { SECOND_MS } from '../../schemas/time.ts';
import { Shop, batchMsOf } from '../shop/shop.ts';
import { type SentEvent, ShopProducer, type Writer } from './shop-producer.ts';

const EVENTS_PER_SECOND = 200;
/** In the past, or the events are ahead of their records; one month, as the tables are parted by month. */
const START_MS = Date.UTC(2025, 0, 6);

/**
 * Writes a shop's events to Kafka, about as many as asked for; gives how many it were.
 *
 * @param seed another one makes another shop at the same time
 */
export async function fillShop(
  broker: string,
  events: number,
  { seed = 7, writer }: { readonly seed?: number; readonly writer?: Writer } = {},
): Promise<number> {
  const shop = new Shop({
    seed,
    startMs: START_MS,
    eventsPerSecond: EVENTS_PER_SECOND,
    durationMs: Math.ceil((events / EVENTS_PER_SECOND) * SECOND_MS),
  });
  const producer = new ShopProducer(broker, writer);
  await producer.connect();
  let sent = 0;
  const batchMs = batchMsOf(shop);
  for (let isLast = false; !isLast;) {
    isLast = shop.isClosed;
    const some = isLast ? shop.finish() : shop.next(shop.nowMs + batchMs);
    shop.takeTruth();
    if (some.length > 0) await producer.send(some);
    sent += some.length;
  }
  await producer.close();
  return sent;
}

const CLICKS_PER_REQUEST = 2_000;

/** Writes one click of each of so many visitors. */
export async function fillVisitors(broker: string, visitors: number): Promise<void> {
  const producer = new ShopProducer(broker);
  await producer.connect();
  for (let first = 0; first < visitors; first += CLICKS_PER_REQUEST) {
    const count = Math.min(CLICKS_PER_REQUEST, visitors - first);
    await producer.send(Array.from({ length: count }, (_, index) => clickOf(first + index)));
  }
  await producer.close();
}

function clickOf(visitor: number): SentEvent {
  return {
    type: 'click',
    toObject: () => ({
      event_id: `click ${visitor}`,
      occurred_at: START_MS + visitor,
      source: 'shop',
      visitor_id: `visitor ${visitor}`,
      kind: 'product_view',
      channel: 'dtc',
      sku: `sku ${visitor % 1_000}`,
      url: 'https://shop.example/product',
      user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0',
    }),
  };
}
