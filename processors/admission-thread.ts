import { parentPort, workerData } from 'node:worker_threads';

import { erase } from '../schemas/brand.ts';
import {
  type AdmissionJob,
  type AdmissionOrder,
  type AdmissionReport,
  ownMemoryOf,
} from './admission-messages.ts';
import { createAdmission } from './door/foreign.ts';
import { createTokeniser } from './door/tokeniser.ts';
import { convertRecords } from './engine/log/kafka-batch.ts';
import { RecordSet } from './engine/log/kafka-records.ts';
import { createLogger } from './engine/telemetry/log.ts';
import { openConfluent } from './open-registry.ts';

// The thread that checks what other programs wrote to Kafka, makes tokens and encodes: a third of what
// such a record would cost the main thread, which has its time for the tasks instead.

const { config, tokenSecret } = erase<AdmissionJob>(workerData);
const { partitions } = config;
const admit = createAdmission({
  tokeniser: createTokeniser(Buffer.from(tokenSecret)),
  partitionCounts: { visitor: partitions, sku: partitions },
  eventBytesMax: config.ingest.event_bytes_max,
  confluent: openConfluent(config, createLogger(config.log_level))?.readers,
});

parentPort?.on('message', ({ id, sets, from }: AdmissionOrder) => {
  const all = sets.map((parts) => new RecordSet(parts));
  const { until, ...converted } = convertRecords(all, from, admit);
  const memory = ownMemoryOf(
    converted.batches.flatMap(({ bytes, starts, ends }) => [bytes, starts, ends]),
  );
  report({ kind: 'converted', id, converted, mustWait: until !== undefined }, memory);
  void until?.then(() => report({ kind: 'judged', id }));
});

function report(given: AdmissionReport, transferred: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(given, [...transferred]);
}
