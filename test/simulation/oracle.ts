import { createAlerts } from '../../processors/alerts/processor.ts';
import { createAttribution } from '../../processors/attribution/processor.ts';
import { createBots } from '../../processors/bots/processor.ts';
import { type Operator, defineOperator } from '../../processors/engine/operator/operator.ts';
import type { Processor } from '../../processors/engine/operator/processor.ts';
import type { FactsTable, RowsTable, SumsTable } from '../../processors/engine/operator/table.ts';
import { createFulfilment } from '../../processors/fulfilment/processor.ts';
import { createLift } from '../../processors/lift/processor.ts';
import { createParity } from '../../processors/parity/processor.ts';
import { createStock } from '../../processors/stock/processor.ts';
import { createTraffic } from '../../processors/traffic/processor.ts';
import { erase } from '../../schemas/brand.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, durationMs } from '../../schemas/time.ts';
import type { Stage } from '../../schemas/topics.ts';
import { buildBotsConfig } from '../doubles/bots.ts';
import type { CollectingOutput } from '../doubles/collecting-output.ts';
import type { LawEvent } from '../laws/law-event.ts';
import { Run } from '../laws/law-run.ts';
import { ALLOWED_LATENESS_MS, POISON_CAMPAIGN } from './workload.ts';

/** One row per event that the operators of a stage took: what the tables must be made of. */
export const ACCEPTED: FactsTable = {
  kind: 'facts',
  name: 'accepted_log',
  columns: [{ name: 'event_id', type: 'text' }],
};

/** The keys of SKUs for which a rate came so late that it could not change everything after it. */
export const LATE_RATES: RowsTable = {
  kind: 'rows',
  name: 'late_rates_rows',
  key: ['sku'],
  columns: [{ name: 'sku', type: 'text' }],
};

/** The processors of the product, and one that records what was accepted and throws on poison. */
export const PROCESSORS: readonly Processor[] = [
  createBots(
    buildBotsConfig({
      allowedLatenessMs: ALLOWED_LATENESS_MS,
      reachMs: DAY_MS,
      addressVisitors: 3,
      suspectScore: 50,
      botScore: 60,
    }),
  ),
  createTraffic({
    sessionGapMs: durationMs(30 * MINUTE_MS),
    withdrawalReachMs: 2 * DAY_MS,
    allowedLatenessMs: durationMs(ALLOWED_LATENESS_MS),
    returnsKeptMs: durationMs(90 * DAY_MS),
  }),
  createAttribution({
    lookbackMs: durationMs(30 * DAY_MS),
    halfLifeMs: durationMs(7 * DAY_MS),
    sessionGapMs: durationMs(30 * MINUTE_MS),
    returnsKeptMs: durationMs(90 * DAY_MS),
    allowedLatenessMs: durationMs(ALLOWED_LATENESS_MS),
    touchesMax: 100,
    models: ['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'shapley'],
  }),
  createLift({
    tests: [
      {
        id: 'half',
        channel: 'search',
        salt: 'pepper',
        share: 0.5,
        startMs: Date.UTC(2026, 10, 19),
        stopMs: undefined,
        horizonMs: 7 * DAY_MS,
        plannedVisitors: 5_000,
        outcome: 'converted',
        valueMinorMax: 1_000_000,
      },
    ],
    currency: 'EUR',
    returnsKeptMs: durationMs(90 * DAY_MS),
    withdrawalReachMs: 2 * DAY_MS,
    allowedLatenessMs: durationMs(ALLOWED_LATENESS_MS),
  }),
  createStock({
    allowedLatenessMs: ALLOWED_LATENESS_MS,
    returnsKeptMs: durationMs(90 * DAY_MS),
    leadTimeMs: durationMs(5 * DAY_MS),
    reviewPeriodMs: durationMs(DAY_MS),
    profile: [],
    substitutionShare: 0,
    priceChannel: 'dtc',
    sequenceGaps: true,
    owners: {},
  }),
  createFulfilment({
    allowedLatenessMs: ALLOWED_LATENESS_MS,
    returnsKeptMs: durationMs(90 * DAY_MS),
    owners: {},
  }),
  createParity({
    allowedLatenessMs: ALLOWED_LATENESS_MS,
    referenceChannel: 'dtc',
    toleranceBasisPoints: 100,
    fxBandBasisPoints: 200,
    dwellMs: 10 * MINUTE_MS,
    staleAfterMs: 3 * HOUR_MS,
    taxBasisPointsOf: new Map(),
    owners: {},
  }),
  createAlerts(),
  {
    name: 'recorder',
    operators: [
      recorder('visitor'),
      recorder('address'),
      recorder('sku'),
      recorder('control'),
      lateRates(),
    ],
    tables: [ACCEPTED, LATE_RATES],
    migrations: [],
  },
];

/** The sums that follow from the events, whatever the order in which they come. */
export const SUMS_TABLES: readonly SumsTable[] = PROCESSORS.flatMap(({ tables }) => tables)
  .filter((table) => table.kind === 'sums')
  .filter((table) => table.isTrail !== true);

export const ROWS_TABLES: readonly RowsTable[] = PROCESSORS.flatMap(({ tables }) => tables)
  .filter((table) => table.kind === 'rows')
  .filter((table) => table !== LATE_RATES);

/**
 * The results of applying the operators to the accepted events alone, in the order of event time, with
 * every link between ids known from the start: no log, no checkpoint, no crash, nothing late, nothing
 * forwarded, nothing moved. Time alone changes what it had changed by the watermark of a key's task.
 */
export function resultsOf(
  accepted: readonly LawEvent[],
  watermarkMsOf: (stage: Stage, key: string) => number,
): CollectingOutput {
  const operators = PROCESSORS.flatMap((processor) => processor.operators);
  const run = new Run(operators.filter(({ name }) => !RECORDERS.has(name)));
  const sorted = accepted.toSorted((a, b) => a.event.occurred_at - b.event.occurred_at);
  const { true: links = [], false: others = [] } = Object.groupBy(sorted, ({ topic }) =>
    topic === 'weir.reference' ? 'true' : 'false',
  );
  for (const each of [...links, ...others]) run.apply(each);
  run.finish(watermarkMsOf);
  return run.output;
}

const RECORDERS: ReadonlySet<string> = new Set(['recorder', 'late-rates']);

/** Tells every key of a rate that came later than the allowed lateness. */
function lateRates(): Operator {
  return defineOperator<null, { count: number }>({
    name: 'late-rates',
    stage: 'sku',
    stateVersion: 1,
    createState: () => null,
    apply: {},
    facts: {
      create: () => ({ count: 0 }),
      take: (facts, { occurred_at: timeMs }, { watermarkMs }) => {
        if (timeMs > watermarkMs - ALLOWED_LATENESS_MS - MINUTE_MS) return false;
        facts.count += 1;
        return true;
      },
    },
    wake: (_, sku, output, { facts }) => {
      if (facts.count > 0) output.upsert(LATE_RATES, [sku]);
      return false;
    },
    expiresAtMs: () => -Infinity,
    stateBytes: () => 0,
  });
}

function recorder(stage: Stage): Operator {
  const record: Operator['apply'] = {
    'weir.clicks': (_, click, output) => {
      if (click.campaign === POISON_CAMPAIGN) throw new Error('This event is poison');
      output.append(ACCEPTED, [click.event_id]);
    },
    'weir.orders': (_, event, output) => output.append(ACCEPTED, [event.event_id]),
    'weir.inventory': (_, event, output) => output.append(ACCEPTED, [event.event_id]),
    'weir.internal.sku': (_, event, output) => output.append(ACCEPTED, [event.event_id]),
    'weir.internal.visitor': (_, event, output) => output.append(ACCEPTED, [event.event_id]),
    'weir.internal.address': (_, event, output) => output.append(ACCEPTED, [event.event_id]),
    'weir.internal.identity': (_, event, output) => output.append(ACCEPTED, [event.event_id]),
    'weir.reference': (_, event, output) => output.append(ACCEPTED, [event.event_id]),
  };
  return defineOperator<null>({
    name: 'recorder',
    stage,
    stateVersion: 1,
    createState: () => null,
    apply: erase(record),
    expiresAtMs: () => -Infinity,
    stateBytes: () => 0,
  });
}
