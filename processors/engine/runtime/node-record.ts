import { unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import { EngineError } from '../../../schemas/errors.ts';
import type { Stage, Topic } from '../../../schemas/topics.ts';
import type { Log } from '../log/log.ts';
import type { Processor } from '../operator/processor.ts';
import type { Layout } from '../state/keyed-state.ts';
import type { Store } from '../state/store.ts';

/** What the store knows of the node. */
export interface NodeRecord {
  readonly format: 1;
  readonly epoch: number;
  readonly sequence: number;
  /** The published watermark, which must not go back after a restart. */
  readonly watermarkMs: number;
  readonly partitions: number;
  readonly layouts: Readonly<Record<Stage, readonly Layout[]>>;
  /** The end of the identity topic by partition when the store was new; see `firstOffsetOf`. */
  readonly identitiesFrom?: readonly number[];
}

/** Where the store keeps the record. */
export const NODE_KEY = 'm/node';

/** What a node is opened with. */
export interface NodeOptions {
  readonly store: Store;
  readonly log: Pick<Log, 'endOffset'>;
  /** Set where the node is the engine of one partition alone. */
  readonly partition?: number;
  readonly processors: readonly Processor[];
  readonly partitions: number;
  /** The epoch is at least this; for a store that may be older than what it has written. */
  readonly epochMin?: number;
}

/** The record in `store`, undefined when no node has used it. */
export function storedNode(store: Pick<Store, 'get'>): NodeRecord | undefined {
  const stored = store.get(NODE_KEY);
  // Written by the engine and verified by the store's checksum.
  return stored === undefined ? undefined : erase<NodeRecord>(unpack(stored));
}

/**
 * The record of a node that starts now: what the store holds with the next epoch, or a first one.
 *
 * @throws {EngineError} CHECKPOINT_FORMAT_UNKNOWN, LOG_PARTITION_COUNT_CHANGED
 */
export function nextNode(options: NodeOptions): NodeRecord {
  const before = storedNode(options.store);
  if (before !== undefined && before.format !== 1) {
    throw new EngineError({
      code: 'CHECKPOINT_FORMAT_UNKNOWN',
      kind: 'fatal',
      message: `Expected a checkpoint of format 1, got ${String(before.format)}. Run the version that wrote it, or move the directory state away: then everything is recomputed from the log`,
    });
  }
  if (before !== undefined && before.partitions !== options.partitions) {
    throw new EngineError({
      code: 'LOG_PARTITION_COUNT_CHANGED',
      kind: 'fatal',
      message:
        `Expected partitions: ${before.partitions}, with which this data directory was made, got ${options.partitions}. ` +
        'Keys would move to other tasks; use a new data directory and import into it',
    });
  }
  const layouts = {
    visitor: layoutsOf('visitor', options, before),
    address: layoutsOf('address', options, before),
    sku: layoutsOf('sku', options, before),
    control: layoutsOf('control', options, before),
  };
  return {
    format: 1,
    epoch: Math.max((before?.epoch ?? 0) + 1, options.epochMin ?? 1),
    sequence: before?.sequence ?? 0,
    watermarkMs: before?.watermarkMs ?? -Infinity,
    partitions: options.partitions,
    layouts,
    identitiesFrom: before === undefined ? identitiesTo(options) : (before.identitiesFrom ?? []),
  };
}

/**
 * Where a task without a checkpoint begins: with the oldest record that the log still holds. But what
 * ids had sent each other when the state was lost is sent again as everything is recomputed, and not
 * as it was: states then move at other points, so the former ones must not be taken as well.
 */
export function firstOffsetOf(
  { identitiesFrom }: NodeRecord,
  log: Pick<Log, 'startOffset'>,
  topic: Topic,
  partition: number,
): number {
  const oldest = log.startOffset(topic, partition);
  if (topic !== 'weir.internal.identity') return oldest;
  return Math.max(oldest, identitiesFrom?.[partition] ?? 0);
}

/** An engine of one partition may find what others have sent it before it was there. */
function identitiesTo({ log, partition, partitions }: NodeOptions): readonly number[] {
  if (partition !== undefined) return [];
  return Array.from({ length: partitions }, (_, each) =>
    log.endOffset('weir.internal.identity', each),
  );
}

function layoutsOf(
  stage: Stage,
  options: NodeOptions,
  before: NodeRecord | undefined,
): readonly Layout[] {
  const layout: Layout = {
    operators: options.processors
      .flatMap(({ operators }) => operators)
      .filter((operator) => operator.stage === stage)
      .map(({ name, stateVersion }) => ({ name, stateVersion })),
  };
  const known = before?.layouts[stage] ?? [];
  return JSON.stringify(known.at(-1)) === JSON.stringify(layout) ? known : [...known, layout];
}
