import { erase } from '../../schemas/brand.ts';
import type { PipelineStatus } from '../../schemas/ports.ts';

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
