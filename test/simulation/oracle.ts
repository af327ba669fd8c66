import { createAlerts } from '../../processors/alerts/processor.ts';
import { createAttribution } from '../../processors/attribution/processor.ts';
import {
  type Operator,
  type RecordContext,
  defineOperator,
} from '../../processors/engine/operator/operator.ts';
import type { Processor } from '../../processors/engine/operator/processor.ts';
import type { FactsTable, RowsTable, SumsTable } from '../../processors/engine/operator/table.ts';
import { createStock } from '../../processors/stock/processor.ts';
import { createTraffic } from '../../processors/traffic/processor.ts';
import { erase } from '../../schemas/brand.ts';
import { DAY_MS, MINUTE_MS, durationMs } from '../../schemas/time.ts';
import {
  type EventOfTopic,
  KEY_OF_TOPIC,
  type Stage,
  TOPICS_OF_STAGE,
  type Topic,
} from '../../schemas/topics.ts';
import { CollectingOutput } from '../doubles/collecting-output.ts';
import { ALLOWED_LATENESS_MS, POISON_CAMPAIGN } from './workload.ts';

/** One row per event that the operators of a stage took: what the tables must be made of. */
export const ACCEPTED: FactsTable = {
  kind: 'facts',
  name: 'accepted_log',
  columns: [{ name: 'event_id', type: 'text' }],
};

/** The processors of the product, and one that records what was accepted and throws on poison. */
export const PROCESSORS: readonly Processor[] = [
  createTraffic({
    sessionGapMs: durationMs(30 * MINUTE_MS),
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
  createStock({
    allowedLatenessMs: ALLOWED_LATENESS_MS,
    returnsKeptMs: durationMs(90 * DAY_MS),
    sequenceGaps: true,
    owners: {},
  }),
  createAlerts(),
  {
    name: 'recorder',
    operators: [recorder('visitor'), recorder('sku')],
    tables: [ACCEPTED],
    migrations: [],
  },
];

export const SUMS_TABLES: readonly SumsTable[] = PROCESSORS.flatMap(({ tables }) => tables).filter(
  (table) => table.kind === 'sums',
);

export const ROWS_TABLES: readonly RowsTable[] = PROCESSORS.flatMap(({ tables }) => tables).filter(
  (table) => table.kind === 'rows',
);

/** An event that was accepted, and the topic it came from. */
export interface Accepted {
  readonly topic: Topic;
  readonly event: EventOfTopic[Topic];
}

/**
 * The results of applying the operators to the accepted events alone, in the order of event time: no
 * log, no checkpoint, no crash, nothing late, nothing forwarded.
 */
export function resultsOf(accepted: readonly Accepted[]): CollectingOutput {
  const output = new CollectingOutput();
  const states = new Map<string, unknown>();
  const sorted = accepted.toSorted((a, b) => a.event.occurred_at - b.event.occurred_at);
  for (const { topic, event } of sorted) {
    const key = erase<Readonly<Record<string, string>>>(event)[KEY_OF_TOPIC[topic]];
    for (const operator of PROCESSORS.flatMap(({ operators }) => operators)) {
      const topics: readonly Topic[] = TOPICS_OF_STAGE[operator.stage];
      if (!topics.includes(topic) || operator.name === 'recorder') continue;
      const name = `${operator.stage}/${operator.name}/${key}`;
      if (!states.has(name)) states.set(name, operator.createState());
      applierOf(operator, topic)?.(states.get(name), event, output, RECORD);
    }
  }
  return output;
}

const RECORD: RecordContext = {
  topic: 'weir.clicks',
  partition: 0,
  offset: 0,
  appendedAtMs: 0,
  watermarkMs: -Infinity,
};

type Applier = (
  state: unknown,
  event: EventOfTopic[Topic],
  output: CollectingOutput,
  record: RecordContext,
) => void;

function applierOf(operator: Operator, topic: Topic): Applier | undefined {
  const apply = operator.apply[topic];
  return apply === undefined ? undefined : erase<Applier>(apply);
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
