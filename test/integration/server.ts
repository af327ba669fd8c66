import type { ChildProcess } from 'node:child_process';

import { erase } from '../../schemas/brand.ts';
import type { IngestAnswer } from '../../schemas/ports.ts';
import type { EventType } from '../../schemas/topics.ts';
import { type Finished, startWeir } from './command-line.ts';

/** What became of a request with events. */
interface Acknowledged {
  readonly status: number;
  readonly accepted: number;
}

/** A running `weir start`. */
export interface Server {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Milliseconds from the start of the process until it answers. */
  readonly startMs: number;
  /** Status and parsed body of a GET. */
  get(path: string): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Sends events and returns the status and how many of them are acknowledged. */
  send(type: EventType, events: readonly unknown[]): Promise<Acknowledged>;
  sendClicks(clicks: readonly object[]): Promise<Acknowledged>;
}

/**
 * Starts `weir start` and waits until it says where it is.
 *
 * @param within a command that runs what follows it
 */
export async function startServer(
  dataDir: string,
  port: number,
  environment: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): Promise<Server> {
  const startedAtMs = performance.now();
  const { child, finished } = startWeir(
    ['start', '--data-dir', dataDir],
    { WEIR_HTTP_PORT: String(port), ...environment },
    within,
  );
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
  const send = async (type: EventType, events: readonly unknown[]): Promise<Acknowledged> => {
    const answer = await fetch(`${url}/v1/events/${type}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    const body = erase<Partial<IngestAnswer>>(await answer.json());
    return { status: answer.status, accepted: body.accepted ?? 0 };
  };
  return {
    child,
    finished,
    startMs: performance.now() - startedAtMs,
    get: async (path) => {
      const answer = await fetch(url + path);
      return { status: answer.status, body: await answer.json() };
    },
    send,
    sendClicks: (clicks) => send('click', clicks),
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
