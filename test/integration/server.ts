import type { ChildProcess } from 'node:child_process';

import { erase } from '../../schemas/brand.ts';
import type { IngestAnswer } from '../../schemas/ports.ts';
import { type Finished, startWeir } from './command-line.ts';

/** A running `weir start`. */
export interface Server {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Milliseconds from the start of the process until it answers. */
  readonly startMs: number;
  /** Status and parsed body of a GET. */
  get(path: string): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Sends clicks and returns the status and how many of them are acknowledged. */
  sendClicks(
    clicks: readonly object[],
  ): Promise<{ readonly status: number; readonly accepted: number }>;
}

/** Starts `weir start` and waits until it says where it is. */
export async function startServer(
  dataDir: string,
  port: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const startedAtMs = performance.now();
  const { child, finished } = startWeir(['start', '--data-dir', dataDir], {
    WEIR_HTTP_PORT: String(port),
    ...environment,
  });
  const { promise: isUp, resolve } = Promise.withResolvers<void>();
  child.stdout?.on('data', (text: string) => {
    if (text.includes('Weir is at')) resolve();
  });
  const ended = finished.then(({ exitCode, stderr }) => {
    throw new Error(`weir start ended with ${exitCode}: ${stderr}`);
  });
  await Promise.race([isUp, ended]);
  // From here on an end is what the test looks at.
  ended.catch(() => undefined);
  const url = `http://127.0.0.1:${port}`;
  return {
    child,
    finished,
    startMs: performance.now() - startedAtMs,
    get: async (path) => {
      const answer = await fetch(url + path);
      return { status: answer.status, body: await answer.json() };
    },
    sendClicks: async (clicks) => {
      const answer = await fetch(`${url}/v1/events/click`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(clicks),
      });
      const body = erase<Partial<IngestAnswer>>(await answer.json());
      return { status: answer.status, accepted: body.accepted ?? 0 };
    },
  };
}

/** Clicks of a few thousand visitors at one instant; `batch` makes their ids unique, `urlLength` their size. */
export function clicksOf(batch: string, count: number, urlLength = 40): readonly object[] {
  const url = `https://shop.example/${'x'.repeat(urlLength)}`;
  return Array.from({ length: count }, (_, index) => ({
    event_id: `${batch}-${index}`,
    occurred_at: Date.UTC(2025, 10, 20, 12),
    source: 'test',
    visitor_id: `v-${index % 3_000}`,
    kind: 'click',
    channel: 'dtc',
    url,
  }));
}
