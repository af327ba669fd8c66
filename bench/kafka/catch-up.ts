import { setTimeout as wait } from 'node:timers/promises';

import { SECOND_MS } from '../../schemas/time.ts';
import { connectViewers } from '../latency/viewers.ts';
import { type Cost, startCost } from '../measure/cost.ts';
import type { ProfileSummary } from '../measure/profile.ts';
import { fillShop } from './fill.ts';
import { Settling, checkCounts, pipelineStatus } from './pipeline-status.ts';
import { startBroker, startNode } from './scene.ts';
import type { Writer } from './shop-producer.ts';

/** How many watch the node meanwhile. */
export const VIEWERS = 20;
/** Rare enough that looking takes nothing from the node. */
const LOOK_MS = 250;
/** A node that needs longer for one more event hangs. */
const STILL_MS_MAX = 60 * SECOND_MS;

/** How far a node was at some time. */
export interface Look {
  readonly received: number;
  readonly atMs: number;
}

/** What it took a node to take a backlog. */
export interface CatchUp {
  readonly sent: number;
  /** From the first event taken until the last row was acknowledged. */
  readonly node: Cost;
  readonly broker: Cost;
  readonly frames: number;
  /** From the first event taken on, in order. */
  readonly looks: readonly Look[];
  readonly profile: ProfileSummary | undefined;
}

/** What is measured: whose events lie in Kafka, and whether the node is profiled meanwhile. */
export interface Backlog {
  readonly events: number;
  readonly writer: Writer;
  readonly dataDir: string;
  readonly isProfiled?: boolean;
}

/** Fills a broker with a shop's events, and lets one process with all processors take them. */
export async function takeBacklog({
  events,
  writer,
  dataDir,
  isProfiled = false,
}: Backlog): Promise<CatchUp> {
  const broker = await startBroker();
  try {
    const sent = await fillShop(broker.address, events, { writer });
    const node = await startNode(broker, { dataDir, isProfiled });
    try {
      const viewers = await connectViewers(node.url, VIEWERS);
      viewers.measure();
      const { looks, costs } = await watch(node.url, [node.pid, broker.pid], sent);
      const [ofNode, ofBroker] = costs;
      const profile = isProfiled ? await node.profile() : undefined;
      const frames = viewers.latenciesMs.length;
      viewers.close();
      return { sent, node: ofNode, broker: ofBroker, frames, looks, profile };
    } finally {
      await node.stop();
    }
  } finally {
    await broker.remove();
  }
}

/** Looks at a node until it has taken so many events and every row of them is acknowledged. */
async function watch(
  url: string,
  pids: readonly [number, number],
  sent: number,
): Promise<{ readonly looks: readonly Look[]; readonly costs: readonly [Cost, Cost] }> {
  const settling = new Settling();
  const start = (): readonly [() => Cost, () => Cost] => [startCost(pids[0]), startCost(pids[1])];
  let ends = start();
  let costs: readonly [Cost, Cost] | undefined;
  const looks: Look[] = [];
  let movedAtMs = performance.now();
  for (;;) {
    const status = await pipelineStatus(url);
    const atMs = performance.now();
    const { received } = status.counts;
    if (received > (looks.at(-1)?.received ?? 0)) {
      looks.push({ received, atMs });
      movedAtMs = atMs;
    }
    // Until the first event there is nothing to pay for.
    if (received === 0) ends = start();
    if (settling.isBusy([status])) costs = [ends[0](), ends[1]()];
    else if (settling.isSettled && received >= sent && costs !== undefined) {
      checkCounts(status, sent);
      return { looks, costs };
    }
    if (atMs - movedAtMs > STILL_MS_MAX)
      throw new Error(`Expected ${sent} events, and nothing came after ${received}`);
    await wait(LOOK_MS);
  }
}

/** Events a second between two looks. */
export function rateBetween(from: Look | undefined, to: Look | undefined): number {
  if (from === undefined || to === undefined) return Number.NaN;
  return ((to.received - from.received) * SECOND_MS) / (to.atMs - from.atMs);
}

/** CPU time of all threads per event, microseconds. */
export function cpuPerEventUs({ userMs, systemMs }: Cost, events: number): number {
  return ((userMs + systemMs) * 1_000) / events;
}
