import fc from 'fast-check';
import { pack, unpack } from 'msgpackr';
import { expect, test } from 'vitest';

import { ALERTS } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import type { Value } from '../../schemas/panel.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { CollectingOutput } from '../../test/doubles/collecting-output.ts';
import { STOCK_LEVELS_CONFIG } from '../../test/doubles/stock-config.ts';
import { alertIdOf } from '../engine/operator/incident.ts';
import { createStockLevels } from './operator.ts';
import { STOCK_CURRENT, STOCK_INCIDENTS } from './row.ts';

const START_MS = Date.UTC(2026, 2, 1);
const RUN_COUNT = Number(process.env['RUNS'] ?? 400);

/** An event of one SKU, and how long after its event time it arrives. */
interface Arrival {
  readonly minute: number;
  readonly delayMinutes: number;
  readonly nodeId: string | null;
  readonly source: string;
  readonly seq: number | null;
  readonly what:
    | { readonly kind: 'count'; readonly onHand: number; readonly safety: number | null }
    | { readonly kind: 'movement'; readonly quantity: number }
    | { readonly kind: 'sold' | 'restored'; readonly quantity: number }
    | { readonly kind: 'acknowledged'; readonly openedMinute: number }
    | { readonly kind: 'inbound'; readonly quantity: number; readonly dueMinute: number }
    | { readonly kind: 'price'; readonly quantity: number };
}

const anyUnits = fc.integer({ min: 0, max: 4 });
const anyMinute = fc.integer({ min: 0, max: 40 });

/** At most `delayMinutesMax` late, few nodes, few minutes and few units, so that everything collides. */
function anyArrivals(delayMinutesMax: number): fc.Arbitrary<readonly Arrival[]> {
  const arrival = fc.record({
    minute: anyMinute,
    delayMinutes: fc.integer({ min: 0, max: delayMinutesMax }),
    nodeId: fc.constantFrom('berlin', null),
    source: fc.constantFrom('till', 'warehouse'),
    seq: fc.option(fc.integer({ min: 1, max: 9 }), { freq: 2 }),
    what: fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('count' as const),
          onHand: anyUnits,
          safety: fc.constantFrom(null, 1),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('movement' as const),
          quantity: fc.integer({ min: -4, max: 4 }),
        }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constantFrom('sold' as const, 'restored' as const),
          quantity: anyUnits,
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('acknowledged' as const),
          openedMinute: anyMinute,
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('inbound' as const),
          quantity: anyUnits,
          dueMinute: anyMinute,
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('price' as const), quantity: anyUnits }),
      },
    ),
  });
  return fc.array(arrival, { maxLength: 24 });
}

type AnyEvent =
  | { readonly topic: 'weir.inventory'; readonly event: Inventory }
  | { readonly topic: 'weir.internal.sku'; readonly event: SkuEvent };

function eventOf(arrival: Arrival, index: number): AnyEvent {
  const { what, nodeId, source } = arrival;
  const common = {
    event_id: `e${index}`,
    occurred_at: START_MS + arrival.minute * MINUTE_MS,
    source,
    sku: 'A-1',
    node_id: nodeId,
  };
  if (
    what.kind === 'count' ||
    what.kind === 'movement' ||
    what.kind === 'inbound' ||
    what.kind === 'price'
  ) {
    const isCount = what.kind === 'count';
    return {
      topic: 'weir.inventory',
      event: {
        ...common,
        seq: arrival.seq,
        kind: what.kind,
        channel: null,
        on_hand: isCount ? what.onHand : null,
        reserved: null,
        safety: isCount ? what.safety : null,
        quantity: isCount ? null : what.quantity,
        lead_time_days: null,
        due_at: what.kind === 'inbound' ? START_MS + what.dueMinute * MINUTE_MS : null,
        price_minor: what.kind === 'price' ? what.quantity : null,
        currency: what.kind === 'price' ? 'EUR' : null,
        tax_included: null,
        promo_id: null,
        capacity: null,
        used: null,
      },
    };
  }
  const isAcknowledgement = what.kind === 'acknowledged';
  return {
    topic: 'weir.internal.sku',
    event: {
      ...common,
      kind: what.kind,
      quantity: isAcknowledgement ? 0 : what.quantity,
      demand: what.kind === 'sold' ? what.quantity : 0,
      order_id: null,
      sales_channel: null,
      alert_id: isAcknowledgement
        ? alertIdOf(
            'stockout',
            ['A-1', nodeId ?? 'default'],
            START_MS + what.openedMinute * MINUTE_MS,
          )
        : null,
      actor: isAcknowledgement ? `person-${index}` : null,
    },
  };
}

interface RunOptions {
  readonly latenessMinutes: number;
  readonly restart?: boolean;
}

/** The shown rows of the three tables after the events have arrived in this order. */
function run(events: readonly AnyEvent[], options: RunOptions): Record<string, ShownRows> {
  const operator = createStockLevels({
    ...STOCK_LEVELS_CONFIG,
    allowedLatenessMs: options.latenessMinutes * MINUTE_MS,
  });
  const output = new CollectingOutput();
  let state: unknown = operator.createState();
  let watermarkMs = Number.NEGATIVE_INFINITY;
  for (const [offset, { topic, event }] of events.entries()) {
    const record = { topic, partition: 0, offset, appendedAtMs: event.occurred_at, watermarkMs };
    if (topic === 'weir.inventory') operator.apply[topic]?.(state, event, output, record);
    else operator.apply[topic]?.(state, event, output, record);
    watermarkMs = Math.max(watermarkMs, event.occurred_at);
    if (options.restart === true) state = JSON.parse(JSON.stringify(unpack(pack(state))));
  }
  return {
    current: shown(output, STOCK_CURRENT),
    incidents: shown(output, STOCK_INCIDENTS),
    alerts: shown(output, ALERTS),
  };
}

type ShownRows = Readonly<Record<string, readonly Value[]>>;

/** The columns that say what is there, with the states that only demand tells apart taken as one. */
function levelsOf(rows: ShownRows | undefined): ShownRows {
  const names = [
    'sku',
    'node_id',
    'state',
    'available',
    'on_hand',
    'reserved',
    'safety',
    'changed_at',
    'as_of',
    'withdrawn',
  ];
  return columnsOf(STOCK_CURRENT, rows, names, (value) =>
    value === 'AT_RISK' || value === 'RECOVERING' || value === 'LOW' ? 'IN_STOCK' : value,
  );
}

/** The stockouts without what they have cost. */
function stockoutsOf(rows: ShownRows | undefined): ShownRows {
  const names = [
    'incident_id',
    'sku',
    'node_id',
    'kind',
    'state',
    'opened_at',
    'acknowledged_at',
    'acknowledged_by',
    'resolved_at',
    'withdrawn',
  ];
  const stockouts = Object.entries(rows ?? {}).filter(([id]) => id.startsWith('stockout:'));
  return columnsOf(STOCK_INCIDENTS, Object.fromEntries(stockouts), names, (value) => value);
}

function columnsOf(
  table: typeof STOCK_CURRENT | typeof STOCK_INCIDENTS,
  rows: ShownRows | undefined,
  names: readonly string[],
  as: (value: Value) => Value,
): ShownRows {
  const indexes = names.map((name) => table.columns.findIndex((column) => column.name === name));
  return Object.fromEntries(
    Object.entries(rows ?? {}).map(([key, values]) => [
      key,
      indexes.map((index) => as(values[index] ?? null)),
    ]),
  );
}

function shown(
  output: CollectingOutput,
  table: typeof STOCK_CURRENT | typeof STOCK_INCIDENTS | typeof ALERTS,
): Record<string, readonly Value[]> {
  const withdrawn = table.columns.findIndex(({ name }) => name === 'withdrawn');
  return Object.fromEntries(
    [...(output.rows.get(table.name) ?? [])].filter(([, values]) => values[withdrawn] === false),
  );
}

/** In the order in which the events happened, and in the order in which they arrive. */
function ordersOf(arrivals: readonly Arrival[]): { happened: AnyEvent[]; arrived: AnyEvent[] } {
  const indexed = arrivals.map((arrival, index) => ({ arrival, event: eventOf(arrival, index) }));
  const by = (timeOf: (arrival: Arrival) => number): AnyEvent[] =>
    indexed.toSorted((a, b) => timeOf(a.arrival) - timeOf(b.arrival)).map(({ event }) => event);
  return {
    happened: by(({ minute }) => minute),
    arrived: by(({ minute, delayMinutes }) => minute + delayMinutes),
  };
}

test('the final rows are those of a recomputation that sorts all events first', () => {
  fc.assert(
    fc.property(anyArrivals(0), (arrivals) => {
      // Announced deliveries say nothing about what is there.
      const { happened } = ordersOf(arrivals.filter(({ what }) => what.kind !== 'inbound'));
      const { current, incidents } = run(happened, { latenessMinutes: 60 });
      expect({ current: levelsOf(current), incidents: stockoutsOf(incidents) }).toEqual(
        stockByDefinition(happened),
      );
    }),
    { numRuns: RUN_COUNT },
  );
});

test('any order of arrival gives the same shown rows', () => {
  fc.assert(
    fc.property(anyArrivals(60), (arrivals) => {
      const { happened, arrived } = ordersOf(arrivals);
      expect(run(arrived, { latenessMinutes: 60 })).toEqual(run(happened, { latenessMinutes: 60 }));
    }),
    { numRuns: RUN_COUNT },
  );
});

test('folding what can no longer change leaves the rows as they would be without', () => {
  // An acknowledgement names an opening that may be folded when it arrives; that has tests of its own.
  const arrivals = anyArrivals(8).map((list) =>
    list.filter(({ what }) => what.kind !== 'acknowledged'),
  );
  fc.assert(
    fc.property(arrivals, (list) => {
      const { happened, arrived } = ordersOf(list);
      expect(run(arrived, { latenessMinutes: 8 })).toEqual(run(happened, { latenessMinutes: 60 }));
    }),
    { numRuns: RUN_COUNT },
  );
});

test('folding keeps the acknowledgement of every stockout that it was given for in time', () => {
  const arrivals = anyArrivals(4).map((list) =>
    list.map((arrival): Arrival =>
      arrival.what.kind === 'acknowledged'
        ? {
            ...arrival,
            delayMinutes: 0,
            what: { kind: 'acknowledged', openedMinute: arrival.minute - arrival.delayMinutes },
          }
        : arrival,
    ),
  );
  fc.assert(
    fc.property(arrivals, (list) => {
      const { happened, arrived } = ordersOf(list);
      expect(run(arrived, { latenessMinutes: 4 })).toEqual(run(happened, { latenessMinutes: 60 }));
    }),
    { numRuns: RUN_COUNT },
  );
});

test('storing and restoring the state between any two events changes nothing', () => {
  fc.assert(
    fc.property(anyArrivals(8), (arrivals) => {
      const { arrived } = ordersOf(arrivals);
      const options = { latenessMinutes: 8 };
      expect(run(arrived, { ...options, restart: true })).toEqual(run(arrived, options));
    }),
    { numRuns: RUN_COUNT },
  );
});

test('what is kept of a node is small once nothing of it can change', () => {
  fc.assert(
    fc.property(anyArrivals(8), (arrivals) => {
      const { arrived } = ordersOf(arrivals.filter(({ what }) => what.kind !== 'price'));
      const operator = createStockLevels({ ...STOCK_LEVELS_CONFIG, allowedLatenessMs: 0 });
      const output = new CollectingOutput();
      const state = operator.createState();
      const last = [100, 200].flatMap((minute) =>
        [null, 'berlin'].map((nodeId): Arrival => {
          const what = { kind: 'count', onHand: minute, safety: null } as const;
          return { minute, delayMinutes: 0, nodeId, source: 'till', seq: null, what };
        }),
      );
      const events = last.map((arrival, index) => eventOf(arrival, arrived.length + index));
      const lastMs = START_MS + 200 * MINUTE_MS;
      for (const { topic, event } of [...arrived, ...events]) {
        const record = {
          topic,
          partition: 0,
          offset: 0,
          appendedAtMs: 0,
          watermarkMs: event.occurred_at === lastMs ? lastMs : Number.NEGATIVE_INFINITY,
        };
        if (topic === 'weir.inventory') operator.apply[topic]?.(state, event, output, record);
        else operator.apply[topic]?.(state, event, output, record);
      }
      // Two nodes, each with a count that can still change and two sources.
      expect(operator.stateBytes(state)).toBeLessThan(2 * 700 + 1);
      expect(operator.expiresAtMs(state)).toBe(Number.POSITIVE_INFINITY);
    }),
    { numRuns: RUN_COUNT },
  );
});

/** Stock by its definition: for every instant the newest count and what came after it, from scratch. */
function stockByDefinition(events: readonly AnyEvent[]): Record<string, unknown> {
  const current: Record<string, unknown> = {};
  const incidents: Record<string, unknown> = {};
  for (const nodeId of ['berlin', 'default']) {
    const node = nodeByDefinition(
      events.filter(({ event }) => (event.node_id ?? 'default') === nodeId),
    );
    if (node === undefined) continue;
    current[`A-1|${nodeId}`] = ['A-1', nodeId, ...node.current, false];
    for (const { openedMs, resolvedMs, acknowledgedMs, acknowledgedBy } of node.incidents) {
      const id = alertIdOf('stockout', ['A-1', nodeId], openedMs);
      let state = acknowledgedMs === null ? 'open' : 'acknowledged';
      if (resolvedMs !== null) state = 'resolved';
      incidents[id] = [
        id,
        'A-1',
        nodeId,
        'stockout',
        state,
        openedMs,
        acknowledgedMs,
        acknowledgedBy,
        resolvedMs,
        false,
      ];
    }
  }
  return { current, incidents };
}

function nodeByDefinition(events: readonly AnyEvent[]) {
  const counts = events.flatMap(({ topic, event }) =>
    topic === 'weir.inventory' && event.kind === 'count' ? [event] : [],
  );
  const changes = new Map<number, number>();
  const wanted = new Set<number>();
  for (const { topic, event } of events) {
    let units = 0;
    if (topic === 'weir.inventory') units = event.kind === 'movement' ? (event.quantity ?? 0) : 0;
    else if (event.kind === 'sold') units = -event.quantity;
    else if (event.kind === 'restored') units = event.quantity;
    changes.set(event.occurred_at, (changes.get(event.occurred_at) ?? 0) + units);
    if ('demand' in event && event.demand !== 0) wanted.add(event.occurred_at);
  }
  const instants = [...changes]
    .filter(
      ([timeMs, units]) =>
        units !== 0 || wanted.has(timeMs) || counts.some((count) => count.occurred_at === timeMs),
    )
    .map(([timeMs]) => timeMs)
    .toSorted((a, b) => a - b);
  const asOfMs = instants.at(-1);
  if (asOfMs === undefined) return undefined;
  const countAt = (timeMs: number): Inventory | undefined =>
    counts
      .filter((count) => count.occurred_at <= timeMs)
      .toSorted((a, b) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1))
      .at(-1);
  const unitsAt = (count: Inventory, timeMs: number): number => {
    let units = count.on_hand ?? 0;
    for (const [changeMs, change] of changes) {
      if (changeMs > count.occurred_at && changeMs <= timeMs) units += change;
    }
    return units;
  };
  const steps = instants.flatMap((timeMs) => {
    const count = countAt(timeMs);
    if (count === undefined) return [];
    const available = unitsAt(count, timeMs) - (count.safety ?? 0);
    return [{ timeMs, available, isOut: available <= 0 }];
  });
  const crossings = steps.filter(({ isOut }, index) => isOut !== steps[index - 1]?.isOut);
  const newest = steps.at(-1);
  const count = countAt(asOfMs);
  const incidents = withAcknowledgements(
    events,
    crossings.flatMap(({ timeMs, isOut }, index) =>
      isOut ? [{ openedMs: timeMs, resolvedMs: crossings[index + 1]?.timeMs ?? null }] : [],
    ),
  );
  if (newest === undefined || count === undefined) {
    return { incidents, current: ['UNKNOWN', null, null, null, null, null, asOfMs] };
  }
  let state = newest.isOut ? 'OUT' : 'IN_STOCK';
  if (hasGapByDefinition(events, count.occurred_at)) state = 'STALE';
  return {
    incidents,
    current: [
      state,
      newest.available,
      unitsAt(count, asOfMs),
      0,
      count.safety ?? 0,
      crossings.at(-1)?.timeMs,
      asOfMs,
    ],
  };
}

function withAcknowledgements(
  events: readonly AnyEvent[],
  outages: readonly { readonly openedMs: number; readonly resolvedMs: number | null }[],
) {
  const acknowledgements = events
    .flatMap(({ topic, event }) =>
      topic === 'weir.internal.sku' && event.kind === 'acknowledged' ? [event] : [],
    )
    .toSorted((a, b) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1));
  const targetOf = ({ alert_id: alertId, occurred_at: timeMs }: SkuEvent): number | undefined => {
    const seenMs = Number(alertId?.split(':').at(-1));
    const covering = outages.find(
      ({ openedMs, resolvedMs }) => openedMs <= seenMs && seenMs < (resolvedMs ?? Infinity),
    );
    const next = outages.find(({ openedMs }) => openedMs > seenMs && openedMs <= timeMs);
    return (covering ?? next)?.openedMs;
  };
  return outages.map((outage) => {
    const first = acknowledgements.find((event) => targetOf(event) === outage.openedMs);
    return {
      ...outage,
      acknowledgedMs: first?.occurred_at ?? null,
      acknowledgedBy: first?.actor ?? null,
    };
  });
}

function hasGapByDefinition(events: readonly AnyEvent[], countMs: number): boolean {
  return ['till', 'warehouse'].some((source) => {
    const numbered = events.flatMap(({ topic, event }) =>
      topic === 'weir.inventory' && event.source === source && event.seq !== null
        ? [{ seq: event.seq, timeMs: event.occurred_at }]
        : [],
    );
    const numbers = new Set(numbered.map(({ seq }) => seq));
    const covered = numbered.filter(({ timeMs }) => timeMs <= countMs).map(({ seq }) => seq);
    const from = covered.length > 0 ? Math.max(...covered) : Math.min(...numbers);
    const above = [...numbers].filter((seq) => seq > from);
    return above.length > 0 && above.length < Math.max(...above) - from;
  });
}
