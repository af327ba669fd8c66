import { SECOND_MS } from '../../../../schemas/time.ts';
import type { PipelineRow } from './rows.ts';

/** Latencies of the last updates that the shown one is the median of: calm, yet seconds fresh. */
const LATENCY_SAMPLE_COUNT = 25;

/**
 * Events that were counted and changed nothing for this long make the page stale. The engine
 * publishes every 50 ms, so ten seconds are two hundred missed turns.
 */
export const STALE_AFTER_MS = 10 * SECOND_MS;

/** The pipeline row and the rows that it announces travel apart; this much is no sign of trouble. */
const PIPELINE_AHEAD_MS = 3 * SECOND_MS;

/** How old the shown numbers are, and whether they ought to have moved. Instants of this browser. */
export class Freshness {
  #newestEventAt: number | undefined;
  #latenciesMs: number[] = [];
  #serverAheadMs = 0;
  #dataAt: number | undefined;
  #pipelineAt: number | undefined;
  #contributed: number | undefined;
  #eventsPerSecond = 0;
  #unmatchedSince: number | undefined;

  /** Newest event time among all updates, UTC milliseconds; undefined until the first update. */
  get newestEventAt(): number | undefined {
    return this.#newestEventAt;
  }

  /** When numbers last changed. */
  get dataAt(): number | undefined {
    return this.#dataAt;
  }

  /** Median of the pipeline's own latency over the last updates. */
  get latencyMs(): number | undefined {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  /** The server's clock at the browser's instant `nowMs`: a browser's clock may be minutes off. */
  serverNow(nowMs: number): number {
    return nowMs + this.#serverAheadMs;
  }

  /** A message said at which instant of the server's clock it was sent. */
  heard(sentAt: number, receivedAt: number): void {
    this.#serverAheadMs = sentAt - receivedAt;
  }

  /** Rows of channels, attribution or stock changed. */
  dataChanged(
    receivedAt: number,
    update: { readonly newestEventAt: number | undefined; readonly pipelineMs: number | undefined },
  ): void {
    this.#dataAt = receivedAt;
    this.#unmatchedSince = undefined;
    const { newestEventAt, pipelineMs } = update;
    if (newestEventAt !== undefined) {
      this.#newestEventAt = Math.max(this.#newestEventAt ?? newestEventAt, newestEventAt);
    }
    if (pipelineMs !== undefined) {
      this.#latenciesMs.push(pipelineMs);
      if (this.#latenciesMs.length > LATENCY_SAMPLE_COUNT) this.#latenciesMs.shift();
    }
  }

  /** The pipeline told its counts: events that it counted ought to show as changed rows. */
  pipelineChanged(receivedAt: number, pipeline: PipelineRow): void {
    const grew = this.#contributed !== undefined && pipeline.contributed > this.#contributed;
    this.#contributed = pipeline.contributed;
    this.#eventsPerSecond = pipeline.events_per_second;
    this.#pipelineAt = receivedAt;
    const quietMs = receivedAt - (this.#dataAt ?? receivedAt);
    if (grew && quietMs > PIPELINE_AHEAD_MS) this.#unmatchedSince ??= receivedAt;
  }

  /** The connection is new: silence before it says nothing about the time after. */
  connected(nowMs: number): void {
    this.#unmatchedSince = undefined;
    this.#dataAt ??= nowMs;
    if (this.#pipelineAt !== undefined) this.#pipelineAt = nowMs;
  }

  /** Since when the numbers stand still although events flow; undefined when all is well. */
  staleSince(nowMs: number): number | undefined {
    if (this.#unmatchedSince !== undefined && nowMs - this.#unmatchedSince > STALE_AFTER_MS) {
      return this.#dataAt ?? this.#unmatchedSince;
    }
    const silentMs = nowMs - (this.#pipelineAt ?? nowMs);
    if (this.#eventsPerSecond > 0 && silentMs > STALE_AFTER_MS + PIPELINE_AHEAD_MS) {
      return this.#pipelineAt;
    }
    return undefined;
  }
}
