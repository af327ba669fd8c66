import { expect, test } from 'vitest';

import { AVRO_SCHEMAS } from '../../schemas/events/avro-schemas.ts';
import type { RegisteredSchema } from '../../schemas/events/confluent.ts';
import { createLogger } from '../engine/telemetry/log.ts';
import { ConfluentReaders, type Known } from './confluent.ts';

const CLICKS: RegisteredSchema = {
  id: 1,
  type: 'AVRO',
  schema: JSON.stringify(AVRO_SCHEMAS['weir.clicks']),
};

/** Readers of a registry whose answers are listed; once they are used up it does not answer. */
class Scene {
  readonly asked: number[] = [];
  readonly waitedMs: number[] = [];
  nowMs = 0;
  readonly readers: ConfluentReaders;
  #recover: () => void = () => undefined;

  constructor(answers: readonly (RegisteredSchema | 'none' | 'trouble')[]) {
    const left = [...answers];
    this.readers = new ConfluentReaders({
      source: {
        schemaById: (id) => {
          this.asked.push(id);
          const answer = left.shift();
          if (answer === undefined || answer === 'trouble')
            return Promise.reject(new Error('away'));
          return Promise.resolve(answer === 'none' ? undefined : answer);
        },
      },
      nowMs: () => this.nowMs,
      wait: (durationMs) => {
        this.waitedMs.push(durationMs);
        if (left.length > 0) return Promise.resolve();
        return new Promise<void>((resolve) => {
          this.#recover = () => {
            left.push(CLICKS);
            resolve();
          };
        });
      },
      logger: createLogger('error'),
    });
  }

  /** The registry answers again. */
  recover(): void {
    this.#recover();
  }
}

/** What is known once there is something to know. */
async function settled(readers: ConfluentReaders, id: number): Promise<Known> {
  const known = readers.readerOf('weir.clicks', id);
  if (known.kind !== 'wait') return known;
  await known.until;
  return readers.readerOf('weir.clicks', id);
}

test('a schema is asked for once, however many records wait for it', async () => {
  const { readers, asked } = new Scene([CLICKS]);
  const [first, second] = [1, 1].map((id) => readers.readerOf('weir.clicks', id));
  expect([first?.kind, second?.kind]).toEqual(['wait', 'wait']);
  expect((await settled(readers, 1)).kind).toBe('ok');
  expect((await settled(readers, 1)).kind).toBe('ok');
  expect(asked).toEqual([1]);
});

test('while the registry is away records with known ids are read, and others wait until it is back', async () => {
  const scene = new Scene([CLICKS, 'trouble']);
  const { readers } = scene;
  await settled(readers, 1);
  const waiting = readers.readerOf('weir.clicks', 2);
  expect(waiting.kind).toBe('wait');
  expect(readers.readerOf('weir.clicks', 1).kind).toBe('ok');
  await Promise.resolve().then(() => undefined);
  expect(readers.readerOf('weir.clicks', 2).kind).toBe('wait');
  await new Promise((resolve) => setImmediate(resolve));
  scene.recover();
  expect((await settled(readers, 2)).kind).toBe('ok');
  expect(scene.asked).toEqual([1, 2, 2]);
});

test('an id that the registry does not know is looked for three times, and again a minute later', async () => {
  const scene = new Scene(['none', 'none', 'none', CLICKS]);
  const { readers } = scene;
  expect(await settled(readers, 9)).toMatchObject({ code: 'CONFLUENT_SCHEMA_UNKNOWN' });
  expect(scene.asked).toEqual([9, 9, 9]);
  scene.nowMs = 59_999;
  expect(readers.readerOf('weir.clicks', 9)).toMatchObject({ code: 'CONFLUENT_SCHEMA_UNKNOWN' });
  scene.nowMs = 60_000;
  expect((await settled(readers, 9)).kind).toBe('ok');
});

test('the pause between two looks doubles up to ten seconds', async () => {
  const scene = new Scene([...Array.from({ length: 7 }, () => 'trouble' as const), CLICKS]);
  expect((await settled(scene.readers, 1)).kind).toBe('ok');
  expect(scene.waitedMs).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test('one schema is read for one topic and incompatible with another', async () => {
  const { readers } = new Scene([CLICKS, CLICKS]);
  expect((await settled(readers, 1)).kind).toBe('ok');
  const other = readers.readerOf('weir.orders', 1);
  if (other.kind === 'wait') await other.until;
  expect(readers.readerOf('weir.orders', 1)).toMatchObject({
    code: 'CONFLUENT_SCHEMA_INCOMPATIBLE',
  });
});

test('the readers that are remembered are bounded', async () => {
  const scene = new Scene(Array.from({ length: 3_001 }, () => CLICKS));
  for (let id = 1; id <= 3_000; id += 1) await settled(scene.readers, id);
  expect(scene.readers.size).toBeLessThanOrEqual(2_000);
  await settled(scene.readers, 1);
  expect(scene.asked).toHaveLength(3_001);
});
