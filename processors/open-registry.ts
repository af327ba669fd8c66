import { setTimeout as wait } from 'node:timers/promises';

import type { Config } from './config.ts';
import { ConfluentReaders } from './door/confluent.ts';
import { SchemaRegistry } from './engine/log/schema-registry.ts';
import type { Logger } from './engine/telemetry/log.ts';

/** Readers of what producers write with schemas of the registry; none without one. */
export function openConfluent(
  config: Config,
  logger: Logger,
): { readonly readers: ConfluentReaders; readonly close: () => void } | undefined {
  const source = openSchemaRegistry(config);
  if (source === undefined) return undefined;
  const readers = new ConfluentReaders({
    source,
    nowMs: () => performance.now(),
    wait: (durationMs) => wait(durationMs, undefined, { ref: false }),
    logger,
  });
  return {
    readers,
    close: () => {
      readers.close();
      source.close();
    },
  };
}

/** A client of the registry that the configuration names; none when it names none. */
export function openSchemaRegistry(config: Config): SchemaRegistry | undefined {
  const registry = config.schema_registry;
  const { url, username, password = '' } = registry;
  if (url === undefined) return undefined;
  return new SchemaRegistry({
    url,
    login: username === undefined ? undefined : { username, password },
    tls: {
      caFile: registry.tls_ca_file,
      certFile: registry.tls_cert_file,
      keyFile: registry.tls_key_file,
    },
  });
}
