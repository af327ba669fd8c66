import type { Admin, Kafka } from 'kafkajs';
import { expect, test } from 'vitest';

import { erase } from '../../../schemas/brand.ts';
import { KafkaAdmin } from './kafka-topics.ts';

/** Admins that count their connections. */
class Client {
  readonly connected = new Set<number>();
  #made = 0;

  asKafka(): Kafka {
    return erase({
      admin: () => {
        this.#made += 1;
        const number = this.#made;
        return {
          connect: (): Promise<void> => {
            this.connected.add(number);
            return Promise.resolve();
          },
          disconnect: (): Promise<void> => {
            this.connected.delete(number);
            return Promise.resolve();
          },
        };
      },
    });
  }
}

test('after an error the next question has a connection of its own, and the old one goes with the last that uses it', async () => {
  const client = new Client();
  const admin = new KafkaAdmin(client.asKafka());
  const answered = Promise.withResolvers<string>();
  const slow = admin.ask(async (used: Admin) => {
    const answer = await answered.promise;
    // As kafkajs does when it finds that it is no longer connected.
    await used.connect();
    return answer;
  });
  await expect(admin.ask(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await admin.ask(() => Promise.resolve('new'))).toBe('new');
  answered.resolve('slow');
  expect(await slow).toBe('slow');
  expect([...client.connected]).toEqual([2]);
  await admin.close();
  expect(client.connected.size).toBe(0);
});
