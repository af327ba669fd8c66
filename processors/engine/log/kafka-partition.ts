import type { Topic } from '../../../schemas/topics.ts';
import { KafkaBuffer } from './kafka-buffer.ts';
import type { Place } from './kafka-reader.ts';
import type { PartitionOffsets } from './kafka-topics.ts';

/** A buffer, and what the watchdog remembers of it. */
export interface Partition extends Place {
  readonly buffer: KafkaBuffer;
  lastPosition: number | undefined;
  progressAtMs: number;
  /** Where reading stood when the broker was last asked how far it reaches. */
  askedPosition: number | undefined;
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
        askedPosition: undefined,
        beyondEndCount: 0,
        committedOffset: -1,
        isWaiting: false,
      });
    }
  }
  return partitions;
}

/** Looks in a row that must find our offset beyond the end: a broker that has just started may err. */
const BEYOND_END_LOOKS = 3;

/**
 * Whether the broker has kept less than we have read. Where reading stands now says nothing: it may
 * have gone on, with records that came after the broker's answer.
 */
export function isBeyondEnd(place: Partition, endOffset: number): boolean {
  const isBeyond = place.askedPosition !== undefined && place.askedPosition > endOffset;
  place.beyondEndCount = isBeyond ? place.beyondEndCount + 1 : 0;
  return place.beyondEndCount >= BEYOND_END_LOOKS;
}
