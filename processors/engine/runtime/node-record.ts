import { isDeepStrictEqual } from 'node:util';

import { unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import { EngineError } from '../../../schemas/errors.ts';
import type { Stage, Topic } from '../../../schemas/topics.ts';
import type { Log } from '../log/log.ts';
import type { Operator } from '../operator/operator.ts';
import type { Processor } from '../operator/processor.ts';
import type { SumsTable } from '../operator/table.ts';
import type { Layout } from '../state/keyed-state.ts';
import type { Store } from '../state/store.ts';

/**
 * The format of a checkpoint as a whole. Raise it when what an earlier version stored would be read as
 * something else; an operator's own state has `stateVersion`.
 */
export const CHECKPOINT_FORMAT = 3;

/** What the store knows of the node. */
export interface NodeRecord {
  readonly format: typeof CHECKPOINT_FORMAT;
  readonly epoch: number;
  readonly sequence: number;
  /** The published watermark, which must not go back after a restart. */
  readonly watermarkMs: number;
  readonly partitions: number;
  readonly layouts: Readonly<Record<Stage, readonly Layout[]>>;
  /** By table, what the stored rows of windows hold in which order. */
  readonly sums: Readonly<Record<string, SumsLayout>>;
  /** The end of the identity topic by partition when the store was new; see `firstOffsetOf`. */
  readonly identitiesFrom?: readonly number[];
  /** Processors without state here, as they did not run; absent in a store of before they could be chosen. */
  readonly off?: readonly string[];
}

type SumsLayout = Pick<SumsTable, 'dimensions' | 'sums'>;

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

/**
 * The record in `store`, undefined when no node has used it.
 *
 * @throws {EngineError} CHECKPOINT_FORMAT_UNKNOWN when another version wrote it
 */
export function storedNode(store: Pick<Store, 'get'>): NodeRecord | undefined {
  const stored = store.get(NODE_KEY);
  if (stored === undefined) return undefined;
  const format = formatOf(stored);
  if (format !== CHECKPOINT_FORMAT) {
    throw formatUnknown(`a checkpoint of format ${CHECKPOINT_FORMAT}, got ${format}`);
  }
  // Written by the engine in this format, and verified by the store's checksum.
  return erase<NodeRecord>(unpack(stored));
}

/**
 * The record of a node that starts now: what the store holds with the next epoch, or a first one.
 *
 * @throws {EngineError} CHECKPOINT_FORMAT_UNKNOWN, LOG_PARTITION_COUNT_CHANGED, PROCESSORS_CHANGED
 */
export function nextNode(options: NodeOptions): NodeRecord {
  const before = storedNode(options.store);
  if (before === undefined) checkEmpty(options.store);
  else checkReadable(before, options);
  if (before !== undefined && before.partitions !== options.partitions) {
    throw new EngineError({
      code: 'LOG_PARTITION_COUNT_CHANGED',
      kind: 'fatal',
      message:
        `Expected partitions: ${before.partitions}, with which this data directory was made, got ${options.partitions}. ` +
        'Keys would move to other tasks; use a new data directory and import into it',
    });
  }
  if (before !== undefined && before.sequence > 0) checkProcessors(before, options.processors);
  const layouts = {
    visitor: layoutsOf('visitor', options, before),
    address: layoutsOf('address', options, before),
    sku: layoutsOf('sku', options, before),
    control: layoutsOf('control', options, before),
  };
  return {
    format: CHECKPOINT_FORMAT,
    epoch: Math.max((before?.epoch ?? 0) + 1, options.epochMin ?? 1),
    sequence: before?.sequence ?? 0,
    watermarkMs: before?.watermarkMs ?? -Infinity,
    partitions: options.partitions,
    layouts,
    sums: { ...before?.sums, ...Object.fromEntries(sumsLayoutsOf(options)) },
    identitiesFrom: before === undefined ? identitiesTo(options) : (before.identitiesFrom ?? []),
    off: options.processors.filter(({ isOff }) => isOff === true).map(({ name }) => name),
  };
}

/** What was off has seen none of the events before; without a judge what others took back never comes again. */
function checkProcessors({ off = [] }: NodeRecord, processors: readonly Processor[]): void {
  const changed = processors.filter(({ name, isOff = false, isJudge }) => {
    const wasOff = off.includes(name);
    return isJudge === true ? isOff !== wasOff : wasOff && !isOff;
  });
  if (changed.length === 0) return;
  const was = changed
    .map(({ name, offBy }) => {
      const also = offBy === undefined ? '' : ` (also by ${offBy})`;
      return `${name} ${off.includes(name) ? 'off' : 'on'}${also}`;
    })
    .join(', ');
  throw new EngineError({
    code: 'PROCESSORS_CHANGED',
    kind: 'fatal',
    message:
      `Expected processors with ${was}, as this state was computed: turning one on, or off what the others depend on, needs everything computed again. ` +
      'Stop Weir and run weir data recompute, then start it; with Kafka see docs/kafka.md',
  });
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

/** Reads as little as it can: the rest may be of a format that this version knows nothing of. */
function formatOf(stored: Buffer): string | number {
  try {
    const record: unknown = unpack(stored);
    if (typeof record === 'object' && record !== null && 'format' in record)
      return typeof record.format === 'number' ? record.format : typeof record.format;
  } catch {
    // Told below.
  }
  return 'a record without a format';
}

/** A store without a record of its node must be new: what else it holds would be taken for our own. */
function checkEmpty(store: Store): void {
  for (const { key } of store.range({ ...CHECKPOINT_KEYS, limit: 1 })) {
    const [area = ''] = key.split('/');
    throw formatUnknown(`a new store or one with ${NODE_KEY}, got one with keys in ${area}/ alone`);
  }
}

/** Of all areas of keys; before them lies what a copy of a changelog knows of itself. */
const CHECKPOINT_KEYS = { start: 'd', end: '~' } as const;

/** Whether what the operators and tables of this version read is what was written. */
function checkReadable(before: NodeRecord, options: NodeOptions): void {
  for (const { name, stateVersion, stage } of operatorsOf(options)) {
    for (const { operators } of before.layouts[stage]) {
      const stored = operators.find((operator) => operator.name === name);
      if (stored !== undefined && stored.stateVersion !== stateVersion) {
        throw formatUnknown(
          `the state of ${name} in version ${stateVersion}, got ${stored.stateVersion}`,
        );
      }
    }
  }
  for (const [table, layout] of sumsLayoutsOf(options)) {
    const stored = before.sums[table];
    if (stored !== undefined && !isDeepStrictEqual(stored, layout)) {
      throw formatUnknown(`${table} of ${describe(layout)}, got ${describe(stored)}`);
    }
  }
}

function describe({ dimensions, sums }: SumsLayout): string {
  return [...dimensions, ...sums].join(', ');
}

function sumsLayoutsOf({ processors }: NodeOptions): readonly (readonly [string, SumsLayout])[] {
  return processors
    .flatMap(({ tables }) => tables)
    .filter((table) => table.kind === 'sums')
    .map(({ name, dimensions, sums }) => [name, { dimensions, sums }]);
}

function operatorsOf({ processors }: NodeOptions): readonly Operator[] {
  return processors.flatMap(({ operators }) => operators);
}

function formatUnknown(expectedAndGot: string): EngineError {
  return new EngineError({
    code: 'CHECKPOINT_FORMAT_UNKNOWN',
    kind: 'fatal',
    message: `Expected ${expectedAndGot}. Run the version that wrote it, or move the directory state away: then everything is recomputed from the log`,
  });
}

function layoutsOf(
  stage: Stage,
  options: NodeOptions,
  before: NodeRecord | undefined,
): readonly Layout[] {
  const layout: Layout = {
    operators: operatorsOf(options)
      .filter((operator) => operator.stage === stage)
      .map(({ name, stateVersion }) => ({ name, stateVersion })),
  };
  const known = before?.layouts[stage] ?? [];
  return JSON.stringify(known.at(-1)) === JSON.stringify(layout) ? known : [...known, layout];
}
