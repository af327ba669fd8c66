import { join } from 'node:path';

import { expect, test } from 'vitest';

import { startWeir, temporaryDirectory } from './command-line.ts';
import { startServer } from './server.ts';

const PORT = 18_195;
const TIMEOUT_MS = 90_000;

test(
  'an address beyond loopback needs a key, which a running Weir then asks for, and which can be revoked',
  async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    const environment = { WEIR_DATA_DIR: dataDir, WEIR_HTTP_HOST: '0.0.0.0' };
    const run = async (
      args: readonly string[],
      more: Readonly<Record<string, string>> = { WEIR_AUTH_REQUIRED: 'true' },
    ): Promise<readonly [number | null, string, string]> => {
      const { exitCode, stdout, stderr } = await startWeir(args, { ...environment, ...more })
        .finished;
      return [exitCode, stdout.trim(), stderr];
    };
    expect(await run(['start'], {})).toEqual([3, '', expect.stringContaining('auth.required')]);
    expect(await run(['start'])).toEqual([3, '', expect.stringContaining('AUTH_KEYS_MISSING')]);

    const [created, key, told] = await run([
      'keys',
      'create',
      '--name',
      'till 3',
      '--role',
      'read',
    ]);
    expect([created, key]).toEqual([0, expect.stringMatching(/^weir_[0-9a-f]{12}\.[\w-]{43}$/)]);
    expect(told).not.toContain(key);
    const id = key.slice('weir_'.length, key.indexOf('.'));
    const [, list] = await run(['keys', 'list']);
    expect(list).toBe(`${id}  read          good                till 3`);

    const weir = await startServer(dataDir, PORT, { ...environment, WEIR_AUTH_REQUIRED: 'true' });
    const statusWith = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await fetch(`http://127.0.0.1:${PORT}/v1/pipeline`, { headers })).status;
    const authorization = `Bearer ${key}`;
    expect((await weir.get('/readyz')).status).toBe(200);
    expect(await statusWith({})).toBe(401);
    expect(await statusWith({ authorization })).toBe(200);
    expect(await run(['keys', 'revoke', id])).toEqual([0, `revoked ${id}`, '']);
    await expect.poll(() => statusWith({ authorization }), { timeout: 10_000 }).toBe(401);
    expect((await run(['keys', 'list']))[1]).toContain('revoked');
    expect(await run(['keys', 'revoke', 'nobody'])).toEqual([
      2,
      '',
      expect.stringContaining('AUTH_KEY_UNKNOWN'),
    ]);
    const roles = await run(['keys', 'create', '--name', 'x', '--role', 'root']);
    expect([roles[0], roles[2]]).toEqual([2, expect.stringContaining('ingest, read, ops')]);
    weir.child.kill('SIGTERM');
    expect(await weir.finished).toMatchObject({ exitCode: 0 });
  },
  TIMEOUT_MS,
);
