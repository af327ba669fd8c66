import { pack, unpack } from 'msgpackr';

import type { Processor } from '../../processors/engine/operator/processor.ts';
import type { Sink } from '../../processors/engine/sink/sink.ts';
import type { ChangelogPartition } from '../../processors/engine/state/changelog.ts';
import type { Store } from '../../processors/engine/state/store.ts';
import { erase } from '../../schemas/brand.ts';
import { HOUR_MS } from '../../schemas/time.ts';
import type { SimulatedChangelog, World } from './process.ts';

/** A deliberate defect: what the simulation must notice. It changes only what stands around the engine. */
export interface Variant {
  readonly name: string;
  /** Needs processes that take over from each other. */
  readonly hasChangelog?: true;
  readonly world?: (world: World) => World;
  readonly store?: (store: Store) => Store;
  readonly sink?: (sink: Sink) => Sink;
  /** @param crashes how often the process has crashed so far */
  readonly processors?: (processors: readonly Processor[], crashes: number) => readonly Processor[];
}

export const VARIANTS: readonly Variant[] = [
  {
    name: 'the version is not raised at a restart',
    store: (store) =>
      withWrites(store, (key, value) =>
        key === 'm/node' ? pack({ ...record(value), epoch: 0 }) : value,
      ),
  },
  {
    name: 'a deduplication token is used again',
    sink: (sink) => ({
      insert: (insert) => sink.insert({ ...insert, token: `weir:${insert.table}` }),
    }),
  },
  {
    name: 'deduplication forgets at a restart',
    store: (store) => ({
      ...store,
      get: (key) => {
        const value = store.get(key);
        return key.startsWith('d/') && value !== undefined ? Buffer.alloc(value.length) : value;
      },
    }),
  },
  {
    name: 'a delta is applied twice after a restart',
    processors: (processors, crashes) =>
      crashes === 0
        ? processors
        : processors.map((processor) => ({
            ...processor,
            operators: processor.operators.map(addingTwice),
          })),
  },
  {
    name: 'the watermark goes back at a restart',
    store: (store) => ({
      ...store,
      get: (key) => {
        const value = store.get(key);
        if (value === undefined || !key.startsWith('m/task/')) return value;
        const task = record(value);
        const newestEventMs = erase<readonly number[]>(task['newestEventMs']).map(
          (newest) => newest - HOUR_MS,
        );
        return pack({ ...task, watermarkMs: Number(task['watermarkMs']) - HOUR_MS, newestEventMs });
      },
    }),
  },
  {
    name: 'the outbox is not stored',
    store: (store) => withWrites(store, (key, value) => (key.startsWith('o/') ? undefined : value)),
  },
  {
    name: 'offsets are stored without the state',
    store: (store) => withWrites(store, (key, value) => (key.startsWith('s/') ? undefined : value)),
  },
  {
    name: 'a process that was replaced may still write to the changelog',
    hasChangelog: true,
    world: (world) =>
      withAppends(world, (changelog, records) => Promise.resolve(changelog.appendNow(records))),
  },
  {
    name: 'the changelog does not get the keyed state',
    hasChangelog: true,
    world: (world) =>
      withAppends(world, (_changelog, records, append) =>
        append(records.filter(({ key }) => !key.startsWith('s/'))),
      ),
  },
];

type Append = ChangelogPartition['append'];

function withAppends(
  world: World,
  change: (
    changelog: SimulatedChangelog,
    records: Parameters<Append>[0],
    append: Append,
  ) => ReturnType<Append>,
): World {
  const { changelog } = world;
  if (changelog === undefined) return world;
  return {
    ...world,
    changelog: {
      compact: () => changelog.compact(),
      appendNow: (records) => changelog.appendNow(records),
      takeNow: () => {
        const taken = changelog.takeNow();
        return {
          ...taken,
          append: (records) => change(changelog, records, (changed) => taken.append(changed)),
        };
      },
    },
  };
}

function withWrites(
  store: Store,
  change: (key: string, value: Uint8Array) => Uint8Array | undefined,
): Store {
  return {
    ...store,
    commit: (writes) =>
      store.commit(
        writes.map(({ key, value }) => ({
          key,
          value: value === undefined ? undefined : change(key, value),
        })),
      ),
  };
}

function record(value: Uint8Array): Record<string, unknown> {
  return erase(unpack(value));
}

function addingTwice(operator: Processor['operators'][number]): Processor['operators'][number] {
  const apply = Object.fromEntries(
    Object.entries(operator.apply).map(([topic, each]) => [
      topic,
      (state: unknown, event: object, output: object, context: object) => {
        const doubled = new Proxy(output, {
          get: (target, name) => {
            const method: unknown = Reflect.get(target, name);
            if (typeof method !== 'function') return method;
            return (...values: unknown[]) => {
              Reflect.apply(method, target, values);
              if (name === 'add') Reflect.apply(method, target, values);
            };
          },
        });
        erase<(...values: unknown[]) => void>(each)(state, event, doubled, context);
      },
    ]),
  );
  return { ...operator, apply: erase(apply) };
}
