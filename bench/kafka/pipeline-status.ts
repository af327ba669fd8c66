import { erase } from '../../schemas/brand.ts';
import type { PipelineStatus } from '../../schemas/ports.ts';
import { SECOND_MS } from '../../schemas/time.ts';

/** Longer than the time between two checkpoints, even while a node catches up less and less. */
const CALM_MS = 3 * SECOND_MS;

/** What a node says about itself. */
export async function pipelineStatus(url: string): Promise<PipelineStatus> {
  const answer = await fetch(new URL('/v1/pipeline', url));
  // Both ends are files of this tree and change together.
  return erase<PipelineStatus>(await answer.json());
}

/** CPU time that a node's process has taken since it started, of all threads, milliseconds. */
export async function cpuMs(url: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const seconds = /^process_cpu_seconds_total (\S+)/m.exec(text)?.[1];
  if (seconds === undefined)
    throw new Error('Expected process_cpu_seconds_total among the metrics');
  return Number(seconds) * 1_000;
}

/** A node that loses events, or counts one twice, is no result. */
export function checkCounts({ counts, unaccounted }: PipelineStatus, events: number): void {
  const { received, contributed, duplicate, late } = counts;
  if (received === events && contributed + duplicate + late === events && unaccounted === 0) return;
  throw new Error(`Expected ${events} events to count, got ${JSON.stringify(counts)}`);
}

/**
 * Tells when nodes have nothing left to do: what is read may still wait for a checkpoint, and only then
 * for ClickHouse.
 */
export class Settling {
  #sequence = -1;
  #busyAtMs = performance.now();

  /** Whether they have had nothing to do at any look for a while. */
  get isSettled(): boolean {
    return performance.now() - this.#busyAtMs >= CALM_MS;
  }

  /** Whether they had work to do now, or wrote a checkpoint since the last look. */
  isBusy(nodes: readonly PipelineStatus[]): boolean {
    const sequence = nodes.reduce((sum, { checkpoint }) => sum + checkpoint.sequence, 0);
    const hasWork = nodes.some(
      ({ tasks, sink }) => sink.pending_rows > 0 || tasks.some(({ lag_records: lag }) => lag > 0),
    );
    const isBusy = hasWork || sequence !== this.#sequence;
    this.#sequence = sequence;
    if (isBusy) this.#busyAtMs = performance.now();
    return isBusy;
  }
}
