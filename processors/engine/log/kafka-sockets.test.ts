import { type AddressInfo, type Socket, createServer } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { erase } from '../../../schemas/brand.ts';
import { KafkaSockets } from './kafka-sockets.ts';

/** Something that accepts connections, and its port. */
async function acceptor(): Promise<number> {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return erase<AddressInfo>(server.address()).port;
}

test('what is open when a client ends is closed with an error, and what it asks for later is refused', async () => {
  const sockets = new KafkaSockets();
  const port = await acceptor();
  const asked = { host: '127.0.0.1', port, ssl: null };
  const opened: Socket[] = [];
  for (let count = 0; count < 2; count += 1)
    await new Promise<void>((onConnect) => opened.push(sockets.create({ ...asked, onConnect })));
  const told = opened.map((socket) => new Promise((resolve) => socket.once('error', resolve)));
  sockets.end();
  for (const error of await Promise.all(told)) expect(String(error)).toContain('disconnected');
  expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  expect(() => sockets.create({ ...asked, onConnect: () => undefined })).toThrow('disconnected');
});
