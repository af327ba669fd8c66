import type { Output, RecordContext } from '../../processors/engine/operator/operator.ts';
import { createFulfilmentOperator } from '../../processors/fulfilment/operator.ts';
import { erase } from '../../schemas/brand.ts';
import type { Order } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { buildOrder } from '../../test/laws/event-builders.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { startCost } from '../measure/cost.ts';
import { CountingOutput } from '../measure/counting-output.ts';

export interface FulfilmentInput {
  readonly orders: number;
}

export interface FulfilmentRun {
  readonly eventsPerSecond: number;
  /** Heap of a visitor with one order that was placed, shipped and delivered. */
  readonly bytesPerVisitor: number;
}

const START_MS = Date.UTC(2026, 0, 5);
const ZONES = ['urban', 'suburban', 'rural'] as const;
const STATUSES = ['placed', 'shipped', 'delivered'] as const;
/** Orders are placed this far apart. */
const STEP_MS = 100;

/** The operator's functions, with the types that the engine's list forgets. */
interface Fulfilment {
  readonly createState: () => unknown;
  readonly apply: {
    readonly 'weir.orders': (
      state: unknown,
      event: Order,
      output: Output,
      record: RecordContext,
    ) => void;
  };
}

const fulfilment = erase<Fulfilment>(
  createFulfilmentOperator({ allowedLatenessMs: DAY_MS, returnsKeptMs: 90 * DAY_MS }),
);

/** Text as a decoder makes it: not a rope of the pieces that it was put together from. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function eventOf(index: number, status: (typeof STATUSES)[number]): Order {
  const placedMs = START_MS + index * STEP_MS;
  const afterMs = STATUSES.indexOf(status) * (6 + (index % 20)) * HOUR_MS;
  return buildOrder({
    event_id: flat(`9eefa35060-${index}-${status}`),
    order_id: flat(`order-${index}`),
    visitor_id: visitorToken('v'),
    status,
    occurred_at: placedMs + afterMs,
    due_at: placedMs + DAY_MS,
    zone: ZONES[index % ZONES.length] ?? null,
    node_id: flat(`node-${index % 4}`),
    fulfilment: 'ship',
  });
}

function heapBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function run({ orders }: FulfilmentInput): FulfilmentRun {
  const states: unknown[] = [];
  const output = new CountingOutput();
  const emptyBytes = heapBytes();
  let spentMs = 0;
  for (const status of STATUSES) {
    const events = Array.from({ length: orders }, (_, index) => eventOf(index, status));
    const spent = startCost();
    for (const [index, event] of events.entries()) {
      states[index] ??= fulfilment.createState();
      fulfilment.apply['weir.orders'](states[index], event, output, {
        topic: 'weir.orders',
        partition: 0,
        offset: 0,
        appendedAtMs: event.occurred_at,
        watermarkMs: START_MS - MINUTE_MS,
      });
    }
    const { userMs, systemMs } = spent();
    spentMs += userMs + systemMs;
  }
  const bytesPerVisitor = (heapBytes() - emptyBytes) / states.length;
  return {
    eventsPerSecond: (STATUSES.length * orders * SECOND_MS) / spentMs,
    bytesPerVisitor,
  };
}

await sendResult(run(childInput<FulfilmentInput>()));
