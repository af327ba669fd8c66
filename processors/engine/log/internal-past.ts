import { decodeEvent } from '../../../schemas/events/wire.ts';
import { type EventOfTopic, TOPICS_OF_STAGE, type Topic } from '../../../schemas/topics.ts';
import type { AppendBatch, Log, RecordBatch } from './log.ts';

/** A record of an internal topic that no stage forwarded, such as what a person did. */
export interface OriginalRecord {
  readonly topic: Topic;
  readonly partition: number;
  readonly eventMs: number;
  readonly value: Uint8Array;
}

/** What a recomputation must know of the internal topics: the rest of them follows from the other topics. */
export interface InternalPast {
  /** By event time, oldest first. */
  readonly originals: readonly OriginalRecord[];
  /** The ends of imports of history, as they were marked. */
  readonly importEnds: readonly AppendBatch[];
  /** Ids of the events that were forwarded and never taken. */
  readonly untakenIds: ReadonlySet<string>;
}

/** How far each partition of a topic was taken: `offset` is one past the last record. */
export type TakenTo = (topic: Topic, partition: number) => number;

/** The topics by which stages talk to each other; users send nothing to them. */
const INTERNAL_TOPICS: readonly Topic[] = Object.values(TOPICS_OF_STAGE).flat().filter(isInternal);

/** Whether only stages, and people through the api, write to the topic. */
export function isInternal(topic: Topic): boolean {
  return topic.startsWith('weir.internal.');
}

/**
 * Reads the internal topics of `log` from the oldest record on.
 *
 * @param isOriginal whether an event came from elsewhere than a stage
 */
export function readInternalPast(options: {
  readonly log: Log;
  readonly partitions: number;
  readonly takenTo: TakenTo;
  readonly isOriginal: (event: EventOfTopic[Topic]) => boolean;
}): InternalPast {
  const { log, partitions, takenTo, isOriginal } = options;
  const originals: OriginalRecord[] = [];
  const importEnds: AppendBatch[] = [];
  const untakenIds = new Set<string>();
  for (const batch of internalBatches(log, partitions)) {
    const { topic, partition, firstOffset, importName } = batch;
    const taken = takenTo(topic, partition);
    if (batch.endsImport && importName !== undefined && firstOffset < taken) {
      importEnds.push({ topic, partition, values: [], importName, endsImport: true });
    }
    for (const { event, at } of eventsOf(batch)) {
      if (firstOffset + at >= taken) untakenIds.add(event.event_id);
      else if (isOriginal(event)) {
        // A copy, because the bytes belong to the log.
        const value = Uint8Array.from(batch.bytes.subarray(batch.starts[at], batch.ends[at]));
        originals.push({ topic, partition, eventMs: event.occurred_at, value });
      }
    }
  }
  // After a crash a forward can lie in the log twice, its first copy taken and its second not yet.
  if (untakenIds.size > 0) {
    for (const batch of internalBatches(log, partitions)) {
      const taken = takenTo(batch.topic, batch.partition);
      for (const { event, at } of eventsOf(batch)) {
        if (batch.firstOffset + at < taken) untakenIds.delete(event.event_id);
      }
    }
  }
  originals.sort((a, b) => a.eventMs - b.eventMs);
  return { originals, importEnds, untakenIds };
}

function* internalBatches(log: Log, partitions: number): Iterable<RecordBatch> {
  for (const topic of INTERNAL_TOPICS) {
    for (let partition = 0; partition < partitions; partition += 1) {
      let offset = log.startOffset(topic, partition);
      for (;;) {
        const batch = log.read(topic, partition, offset);
        if (batch === undefined) break;
        yield batch;
        offset = batch.nextOffset;
      }
    }
  }
}

function* eventsOf(
  batch: RecordBatch,
): Iterable<{ readonly event: EventOfTopic[Topic]; readonly at: number }> {
  for (let at = 0; at < batch.count; at += 1) {
    const decoded = decodeEvent(batch.topic, batch.bytes, batch.starts[at], batch.ends[at]);
    if (decoded.kind === 'ok') yield { event: decoded.event, at };
  }
}
