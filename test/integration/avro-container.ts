import avro from 'avsc';

import { erase } from '../../schemas/brand.ts';
import { AVRO_SCHEMAS } from '../../schemas/events/avro-schemas.ts';

const BLOCK_BYTES = 4_000;

/** An Avro object container file of inventory counts, in several blocks. */
export async function avroContainer(count: number): Promise<Buffer> {
  const schema: avro.Schema = erase(AVRO_SCHEMAS['weir.inventory']);
  const encoder = new avro.streams.BlockEncoder(schema, {
    codec: 'deflate',
    blockSize: BLOCK_BYTES,
  });
  const chunks: Buffer[] = [];
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  encoder.on('end', resolve);
  for (let index = 0; index < count; index += 1) {
    encoder.write({
      event_id: `i-${index}`,
      occurred_at: Date.UTC(2025, 10, 20),
      source: 'warehouse',
      sku: `SKU-${index}`,
      kind: 'count',
      node_id: 'n',
      on_hand: index,
    });
  }
  encoder.end();
  await promise;
  return Buffer.concat(chunks);
}
