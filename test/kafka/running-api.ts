import { expect } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import type { Row } from '../../schemas/panel.ts';
import { startWeir } from '../integration/command-line.ts';

/** A running `weir` that answers over HTTP. */
export interface RunningApi {
  readonly url: string;
  /** Parsed body of a GET below `/v1/`. */
  get(path: string): Promise<unknown>;
  /** Rows of a path below `/v1/`, all pages. */
  rows(path: string, query: Readonly<Record<string, string>>): Promise<readonly Row[]>;
  stop(): Promise<void>;
}

interface RowsPage {
  readonly rows: readonly Row[];
  readonly next_cursor: string | null;
}

/** Starts `weir api`, or another command that listens, and waits until it says where it is. */
export async function startApi(
  environment: Readonly<Record<string, string>>,
  command: 'api' | 'start' = 'api',
): Promise<RunningApi> {
  const { child, finished } = startWeir([command], { ...environment, WEIR_HTTP_PORT: '0' });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stdout?.on('data', (text: string) => {
    const address = /Weir is at (\S+)/.exec(text)?.[1];
    if (address !== undefined) resolve(address);
  });
  void finished.then(({ stderr }) => reject(new Error(`weir ${command} ended: ${stderr}`)));
  const url = await promise;
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${url}/v1/${path}`);
    const body: unknown = await answer.json();
    expect([answer.status, path, body]).toEqual([200, path, body]);
    return body;
  };
  return {
    url,
    get,
    rows: async (path, query) => {
      const rows: Row[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const asked = new URLSearchParams({ ...query, ...(cursor === '' ? {} : { cursor }) });
        const body = erase<RowsPage>(await get(`${path}?${String(asked)}`));
        rows.push(...body.rows);
        cursor = body.next_cursor;
      }
      return rows;
    },
    stop: async () => {
      child.kill('SIGTERM');
      expect(await finished).toMatchObject({ exitCode: 0 });
    },
  };
}
