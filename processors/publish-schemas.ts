import { EngineError } from '../schemas/errors.ts';
import { AVRO_SCHEMAS, releasedSchemas } from '../schemas/events/avro-schemas.ts';
import { backwardProblems } from '../schemas/events/compatibility.ts';
import { createConfluentReader } from '../schemas/events/confluent.ts';
import { EVENT_TYPES, TOPIC_OF_EVENT, type Topic } from '../schemas/topics.ts';
import type { Config } from './config.ts';
import type { SchemaRegistry } from './engine/log/schema-registry.ts';
import { openSchemaRegistry } from './open-registry.ts';

/** How today's schema of a subject goes with what has been written before. */
export interface SubjectCheck {
  readonly subject: string;
  /** Versions of it in the registry; undefined without a registry. */
  readonly versionCount: number | undefined;
  /** A sentence for each earlier schema whose records could not be read. */
  readonly problems: readonly string[];
}

/** A subject whose schema the registry has now. */
export interface PublishedSubject {
  readonly subject: string;
  readonly schemaId: number;
}

/**
 * Compares the schemas of Weir's events with every one that it has released, and with every version
 * in the registry where one is configured: today's readers must read all of them.
 *
 * @throws {EngineError} SCHEMA_REGISTRY_UNREACHABLE, SCHEMA_REGISTRY_REFUSED
 */
export async function checkSchemas(config: Config): Promise<readonly SubjectCheck[]> {
  const registry = openSchemaRegistry(config);
  try {
    return await checkAll(registry);
  } finally {
    registry?.close();
  }
}

/**
 * Registers the schemas of Weir's events, after a check of all of them. From then on the registry
 * itself refuses a version that could not read everything before it.
 *
 * @throws {EngineError} CONFIG_INVALID without a registry, SCHEMA_INCOMPATIBLE before anything was
 *   registered, SCHEMA_REGISTRY_UNREACHABLE, SCHEMA_REGISTRY_REFUSED
 */
export async function publishSchemas(config: Config): Promise<readonly PublishedSubject[]> {
  const registry = openSchemaRegistry(config);
  if (registry === undefined) {
    throw new EngineError({
      code: 'CONFIG_INVALID',
      kind: 'fatal',
      message: 'schema_registry.url: expected beside `weir schema publish`, got nothing',
    });
  }
  try {
    const problems = (await checkAll(registry)).flatMap((check) => check.problems);
    if (problems.length > 0) {
      throw new EngineError({
        code: 'SCHEMA_INCOMPATIBLE',
        kind: 'fatal',
        message: ['Expected schemas that read all earlier ones:', ...problems].join('\n  '),
      });
    }
    const published: PublishedSubject[] = [];
    for (const type of EVENT_TYPES) {
      const topic = TOPIC_OF_EVENT[type];
      const subject = subjectOf(topic);
      await registry.requireBackwardTransitive(subject);
      const schemaId = await registry.register(subject, JSON.stringify(AVRO_SCHEMAS[topic]));
      published.push({ subject, schemaId });
    }
    return published;
  } finally {
    registry.close();
  }
}

/** What producers call the subject of a topic's values, unless they are told otherwise. */
function subjectOf(topic: Topic): string {
  return `${topic}-value`;
}

async function checkAll(registry: SchemaRegistry | undefined): Promise<readonly SubjectCheck[]> {
  const checks: SubjectCheck[] = [];
  for (const type of EVENT_TYPES) {
    const topic = TOPIC_OF_EVENT[type];
    const subject = subjectOf(topic);
    const problems = backwardProblems(AVRO_SCHEMAS[topic], releasedSchemas(topic));
    const versions = await registry?.versionsOf(subject);
    for (const version of versions ?? []) {
      const reader = createConfluentReader(topic, version);
      if (reader.kind !== 'ok')
        problems.push(`${subject} version ${version.version}: ${reader.message}`);
    }
    checks.push({ subject, versionCount: versions?.length, problems });
  }
  return checks;
}
