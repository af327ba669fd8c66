import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { temporaryDirectory } from '../integration/command-line.ts';
import { type Broker, KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import { type Certificate, createCertificates, whyNoCertificates } from './certificates.ts';
import { writeEvents } from './records.ts';
import { RunningNode } from './running-node.ts';
import { brokerOf, click, variables } from './scene.ts';

const TIMEOUT_MS = 180_000;
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const USERNAME = 'weir';
const PASSWORD = 'a password of the tests';
const skipped = whyNoBroker() ?? whyNoCertificates();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** How a node logs in. */
function login(
  mechanism: string,
  { caFile, certFile, keyFile }: Certificate,
): Readonly<Record<string, string>> {
  return {
    WEIR_KAFKA_SASL_MECHANISM: mechanism,
    WEIR_KAFKA_SASL_USERNAME: USERNAME,
    WEIR_KAFKA_SASL_PASSWORD: PASSWORD,
    WEIR_KAFKA_TLS: 'true',
    WEIR_KAFKA_TLS_CA_FILE: caFile,
    WEIR_KAFKA_TLS_CERT_FILE: certFile,
    WEIR_KAFKA_TLS_KEY_FILE: keyFile,
  };
}

/** A broker that asks for a certificate and a login, and a client's certificate. */
async function securedBroker(directory: string): Promise<{
  readonly broker: Broker;
  readonly client: Certificate;
}> {
  const certificates = createCertificates(directory, ['broker', 'client']);
  const own = certificates.get('broker');
  const client = certificates.get('client');
  if (own === undefined || client === undefined) throw new Error('no certificates');
  const broker = await brokerOf(KAFKA_VERSIONS[0], {
    caFile: own.caFile,
    keyFile: own.bothFile,
    username: USERNAME,
    password: PASSWORD,
  });
  return { broker, client };
}

describe.skipIf(skipped !== undefined)('with a real broker behind TLS', () => {
  test(
    'Weir logs in by every mechanism, writes and reads',
    async () => {
      const directory = temporaryDirectory();
      const { broker, client } = await securedBroker(directory);
      let expected = 0;
      for (const mechanism of MECHANISMS) {
        const file = writeEvents(join(directory, 'own.ndjson'), [
          { type: 'click', event: JSON.parse(click({ event_id: `door ${mechanism}` })) },
        ]);
        // Each node reads from the beginning what those before it wrote.
        expected += 1;
        const node = new RunningNode(
          { file, expected },
          { ...variables(broker, join(directory, mechanism)), ...login(mechanism, client) },
        );
        expect(await node.ended).toMatchObject({ exitCode: 0, last: { contributed: expected } });
      }
    },
    TIMEOUT_MS,
  );

  test(
    'a wrong password ends the start, and says so without repeating it',
    async () => {
      const directory = temporaryDirectory();
      const { broker, client } = await securedBroker(directory);
      for (const mechanism of MECHANISMS) {
        const node = new RunningNode(
          { expected: 0 },
          {
            ...variables(broker, join(directory, mechanism)),
            ...login(mechanism, client),
            WEIR_KAFKA_SASL_PASSWORD: 'guessed',
          },
        );
        const { exitCode, last } = await node.ended;
        expect({ exitCode, last }).toMatchObject({ exitCode: 1, last: { code: 'KAFKA_REFUSED' } });
        expect(JSON.stringify(last)).not.toContain('guessed');
      }
    },
    TIMEOUT_MS,
  );
});
