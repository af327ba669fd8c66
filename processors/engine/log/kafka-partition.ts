import type { Topic } from '../../../schemas/topics.ts';
import { KafkaBuffer } from './kafka-buffer.ts';
import type { Place } from './kafka-reader.ts';
import type { PartitionOffsets } from './kafka-topics.ts';

/** A buffer, and what the watchdog remembers of it. */
export interface Partition extends Place {
  readonly buffer: KafkaBuffer;
  lastPosition: number | undefined;
  progressAtMs: number;
  beyondEndCount: number;
  committedOffset: number;
  /** Its next record cannot be judged yet; others go on. */
  isWaiting: boolean;
}

/** The partitions of every topic by `topic/partition`; nothing of them has been fetched. */
export function createPartitions(
  offsetsOfTopic: ReadonlyMap<Topic, readonly PartitionOffsets[]>,
): ReadonlyMap<string, Partition> {
  const partitions = new Map<string, Partition>();
  for (const [topic, offsets] of offsetsOfTopic) {
    for (const each of offsets) {
      partitions.set(`${topic}/${each.partition}`, {
        topic,
        partition: each.partition,
        buffer: new KafkaBuffer(each),
        lastPosition: undefined,
        progressAtMs: performance.now(),
        beyondEndCount: 0,
        committedOffset: -1,
        isWaiting: false,
      });
    }
  }
  return partitions;
}
