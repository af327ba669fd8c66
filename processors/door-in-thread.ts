import type { Topic } from '../schemas/topics.ts';
import { type Door, type DoorSettings, createDoor } from './door/door.ts';
import { createTokeniser } from './door/tokeniser.ts';
import type { AppendBatch } from './engine/log/log.ts';
import { systemClock } from './engine/runtime/system-clock.ts';

/** Records of one partition in one piece: record i ends at `ends[i]`, where the next one starts. */
export interface PackedBatch {
  readonly topic: Topic;
  readonly partition: number;
  readonly importName: string | undefined;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
}

/**
 * A door for a thread without the log: what it lets in goes to `append` in pieces that can be
 * transferred to the thread that has it.
 */
export function createDoorInThread(
  settings: DoorSettings,
  append: (batches: readonly PackedBatch[]) => Promise<void>,
): Door {
  return createDoor({
    ...settings,
    tokeniser: createTokeniser(Buffer.from(settings.tokenSecret)),
    clock: () => systemClock.nowMs(),
    append: (batches) => append(batches.map(packed)),
  });
}

function packed({ topic, partition, values, importName }: AppendBatch): PackedBatch {
  const ends = new Uint32Array(values.length);
  let end = 0;
  for (const [index, value] of values.entries()) {
    end += value.length;
    ends[index] = end;
  }
  const bytes = new Uint8Array(end);
  for (const [index, value] of values.entries()) {
    bytes.set(value, (ends[index] ?? 0) - value.length);
  }
  return { topic, partition, importName, bytes, ends };
}

/** The records that another thread has packed. */
export function unpacked({ topic, partition, importName, bytes, ends }: PackedBatch): AppendBatch {
  const values: Uint8Array[] = [];
  let start = 0;
  for (const end of ends) {
    values.push(bytes.subarray(start, end));
    start = end;
  }
  return { topic, partition, values, ...(importName === undefined ? {} : { importName }) };
}
