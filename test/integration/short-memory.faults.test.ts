import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import type { PipelineStatus } from '../../schemas/ports.ts';
import { temporaryDirectory } from './command-line.ts';
import { memoryLimit, whyNoMemoryLimit } from './memory-limit.ts';
import { clicksOf, startServer } from './server.ts';

const PORT = 18_166;
const TIMEOUT_MS = 240_000;
/** What a Weir with ClickHouse in it takes without a load, and some. */
const LIMIT_MIB = 700;
const BODY_BYTES_MAX = 8 * 1_024 ** 2;
const AT_ONCE = 24;
const ROUNDS = 4;
const CLICKS = 5_000;

const unable = whyNoMemoryLimit();

/** A body as large as may be, of which parsing makes 21 times its size. */
function greedyBody(): Buffer {
  const event = `{"a":[${Array.from({ length: 300_000 }, () => '{}').join(',')}]}`;
  const count = Math.floor((BODY_BYTES_MAX - 2) / (event.length + 1));
  return Buffer.from(`[${Array.from({ length: count }, () => event).join(',')}]`);
}

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly accepted: number;
}

async function post(body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${PORT}/v1/events/click`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const { code, accepted = 0 } = erase<{ code?: string; accepted?: number }>(await answer.json());
  return { status: answer.status, code, accepted };
}

/** What is answered to the head of a request whose body never comes. */
async function answerToHead(length: number): Promise<string> {
  const socket = connect(PORT, '127.0.0.1');
  socket.write(
    `POST /v1/events/click HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
  );
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}

test.skipIf(unable !== undefined)(
  `in a control group that is almost full, bodies that memory has no room for are refused unread, and no process is ended${unable === undefined ? '' : ` (${unable})`}`,
  async () => {
    const limit = memoryLimit(LIMIT_MIB);
    const weir = await startServer(
      join(temporaryDirectory(), 'data'),
      PORT,
      { WEIR_PARTITIONS: '2' },
      limit.within,
    );
    const greedy = greedyBody();
    let batches = 0;
    const clicks = (): Buffer => {
      batches += 1;
      return Buffer.from(JSON.stringify(clicksOf(`batch-${batches}`, CLICKS, 800)));
    };
    expect(await answerToHead(greedy.length)).toMatch(/^HTTP\/1\.1 503 [^]*MEMORY_SHORT/);

    const answers: Answer[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const sent = Array.from({ length: AT_ONCE }, (_, index) => {
        if (index % 3 === 0) return post(greedy);
        if (index % 3 === 1) return post(clicks());
        return post(gzipSync(clicks()), { 'content-encoding': 'gzip' });
      });
      // A server that refuses a body need not wait for it, and what was still on its way is reset.
      for (const each of await Promise.allSettled(sent))
        if (each.status === 'fulfilled') answers.push(each.value);
    }
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 503]));
    expect(answers.some(({ code }) => code === 'MEMORY_SHORT')).toBe(true);

    // What has room is taken as before, and everything that was acknowledged is there.
    await expect
      .poll(async () => (await post(clicks())).status, { timeout: 30_000, interval: 500 })
      .toBe(202);
    const acknowledged = answers.reduce((sum, { accepted }) => sum + accepted, CLICKS);
    await expect
      .poll(
        async () => erase<PipelineStatus>((await weir.get('/v1/pipeline')).body).counts.contributed,
        { timeout: 60_000, interval: 500 },
      )
      .toBe(acknowledged);
    expect(limit.killed()).toBe(0);
    weir.child.kill('SIGTERM');
    expect(await weir.finished).toMatchObject({ exitCode: 0 });
  },
  TIMEOUT_MS,
);
