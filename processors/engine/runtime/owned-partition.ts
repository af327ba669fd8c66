import type PQueue from 'p-queue';

import { EngineError, messageOf } from '../../../schemas/errors.ts';
import type { UpdateBatch } from '../../../schemas/panel.ts';
import { SECOND_MS } from '../../../schemas/time.ts';
import { LogView } from '../log/log-view.ts';
import type { Log } from '../log/log.ts';
import type { Changelog } from '../state/changelog.ts';
import { endOfPrefix, type Store, type Write } from '../state/store.ts';
import type { Logger } from '../telemetry/log.ts';
import { ChangelogStore } from './changelog-store.ts';
import type { EngineOptions } from './engine-options.ts';
import { Engine } from './engine.ts';
import { EngineLoop } from './loop.ts';
import { LOCAL_KEY, type LocalFiles, type Restored, restore } from './restore.ts';
import { backoffMs } from './retry.ts';

/** Where a partition's updates go. */
export interface UpdatesOut {
  /** Whether a batch can be taken without one waiting before it. */
  readonly hasRoom: boolean;
  send(batch: UpdateBatch, epoch: number): void;
  /** Resolves when everything sent so far is out, or was given up. */
  flushed(): Promise<void>;
  /** Gives up what waits. */
  close(): void;
}

/** What the partitions of a process share. */
export interface PartitionParts extends Omit<
  EngineOptions,
  'node' | 'store' | 'epochMin' | 'partition'
> {
  readonly changelog: Changelog;
  readonly files: (partition: number) => LocalFiles;
  readonly updates: (partition: number) => UpdatesOut;
  readonly liveTickMs: number;
  /** Restores wait here for their turn: several at once take more memory and no less time. */
  readonly restores: PQueue;
  readonly logger: Logger;
  /**
   * Prepares the results of a partition for being computed from the log again, because its changelog
   * is damaged. Returns an epoch above all that wrote them.
   *
   * @throws {EngineError} STATE_LOST when the log does not reach back to its beginning
   */
  readonly beginAgain: (partition: number, log: Log) => Promise<number>;
}

/** The engine of a partition while it runs. */
export interface RunningPartition {
  readonly engine: Engine;
  readonly loop: EngineLoop;
  readonly log: LogView;
}

const BACKOFF = { firstMs: 200, maxMs: 5 * SECOND_MS };
/**
 * How long a process that has lost a changelog waits before it takes it again, when it does not hear
 * sooner that the partition is its own: in that time its next heartbeats tell it whether it still is.
 */
const CONFIRMATION_MS = 5 * SECOND_MS;
/** Keys removed from a damaged store in one checkpoint. */
const REMOVED_KEYS_MAX = 20_000;

/** Errors of one try, after which the partition is taken again from what the changelog holds. */
const RETAKEN: ReadonlySet<string> = new Set([
  'CHANGELOG_TAKEN',
  'CHANGELOG_UNCLEAR',
  'STATE_DAMAGED',
]);

/**
 * One partition that the group has given to this process: takes its changelog, restores its state, and
 * runs its engine, until it is given to another process. After every error that leaves something
 * unclear it begins anew with what the changelog holds.
 */
export class OwnedPartition {
  readonly partition: number;
  readonly #parts: PartitionParts;
  readonly #onDefect: (error: unknown) => void;
  readonly #ending = new AbortController();
  readonly #ran: Promise<void>;
  #confirm = new AbortController();
  #running: RunningPartition | undefined;

  constructor(options: {
    readonly partition: number;
    readonly parts: PartitionParts;
    /** Called once when no try can succeed; the process should end. */
    readonly onDefect: (error: unknown) => void;
    /** Resolves when this process has given up what it had of the partition before. */
    readonly after: Promise<void>;
  }) {
    this.partition = options.partition;
    this.#parts = options.parts;
    this.#onDefect = options.onDefect;
    this.#ran = options.after.then(() => this.#run());
  }

  /** Undefined while it is being restored. */
  get running(): RunningPartition | undefined {
    return this.#running;
  }

  /** The group says again that the partition belongs to this process. */
  confirm(): void {
    this.#confirm.abort();
  }

  /** Ends; with a last checkpoint when the partition is still this process's own. */
  async close(how: { readonly isOwn: boolean }): Promise<void> {
    const running = this.#running;
    if (how.isOwn && running !== undefined) await running.loop.stop().catch(() => undefined);
    this.#ending.abort();
    this.#confirm.abort();
    await this.#ran;
  }

  async #run(): Promise<void> {
    const { logger, clock } = this.#parts;
    const { signal } = this.#ending;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await this.#own(() => {
          attempt = 1;
        });
      } catch (error) {
        const code = error instanceof EngineError ? error.code : undefined;
        const isTransient = error instanceof EngineError && error.kind === 'transient';
        if (!isTransient && (code === undefined || !RETAKEN.has(code))) {
          this.#onDefect(error);
          return;
        }
        logger.warn(
          { partition: this.partition, code, error: messageOf(error) },
          'Partition was lost and is taken again while it is assigned to this process',
        );
        const isTaken = code === 'CHANGELOG_TAKEN';
        this.#confirm = new AbortController();
        await (isTaken
          ? clock.sleep(CONFIRMATION_MS, this.#confirm.signal)
          : clock.sleep(backoffMs(BACKOFF, attempt, clock.random()), signal));
      }
    }
  }

  /** Takes the partition and runs it until it ends or fails. */
  async #own(onRunning: () => void): Promise<void> {
    const { changelog, files, clock, logger, updates, liveTickMs } = this.#parts;
    const { partition } = this;
    const startedAtMs = clock.monotonicMs();
    const taken = await changelog.take(partition);
    const out = updates(partition);
    let store: Store = { ...NO_STORE, close: () => taken.close() };
    try {
      const nowMs = clock.nowMs();
      const restored = await this.#parts.restores.add(() =>
        restore({ partition: taken, files: files(partition), nowMs }),
      );
      store = new ChangelogStore({
        local: restored.store,
        partition: taken,
        pairs: restored.pairs,
        nowMs: () => clock.nowMs(),
        beforeCommit: () => out.flushed(),
      });
      const log = new LogView(this.#parts.log);
      const epochMin = await this.#epochMin(restored, store, log);
      if (this.#ending.signal.aborted) return;
      const node = `partition-${partition}`;
      const engine = await Engine.open({ ...this.#parts, node, partition, log, store, epochMin });
      logger.info(
        {
          partition,
          from: restored.from,
          recordCount: restored.recordCount,
          epoch: engine.epoch,
          durationMs: Math.round(clock.monotonicMs() - startedAtMs),
        },
        'Partition taken',
      );
      const { promise: failed, reject } = Promise.withResolvers<undefined>();
      const loop = new EngineLoop({
        engine,
        log,
        clock,
        liveTickMs,
        onUpdates: (batch) => out.send(batch, engine.epoch),
        canPublish: () => out.hasRoom,
        onDefect: reject,
      });
      this.#running = { engine, loop, log };
      onRunning();
      loop.start();
      try {
        await Promise.race([failed, aborted(this.#ending.signal)]);
      } finally {
        this.#running = undefined;
        out.close();
        await loop.halt();
        await log.close();
        await engine.outbox.close();
      }
    } finally {
      out.close();
      await store.close();
    }
  }

  /** The lowest epoch the engine may have; empties the store first when it must be computed from the log again. */
  async #epochMin(restored: Restored, store: Store, log: Log): Promise<number> {
    if (restored.from !== 'unverified') return restored.epoch + 1;
    const { partition } = this;
    this.#parts.logger.error(
      { partition, recordCount: restored.recordCount },
      'Changelog is not what its marker says: the partition is computed from the log again',
    );
    const epoch = await this.#parts.beginAgain(partition, log);
    const removals: Write[] = [];
    for (const { key } of restored.store.range({ start: '!', end: endOfPrefix('~') }))
      if (key !== LOCAL_KEY) removals.push({ key, value: undefined });
    for (let at = 0; at < removals.length; at += REMOVED_KEYS_MAX)
      await store.commit(removals.slice(at, at + REMOVED_KEYS_MAX));
    return Math.max(epoch, restored.epoch) + 1;
  }
}

/** Stands in for the store until there is one. */
const NO_STORE: Omit<Store, 'close'> = {
  get: () => undefined,
  range: () => [],
  commit: () => Promise.resolve(),
};

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
