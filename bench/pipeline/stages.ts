import type { StageRule } from '../measure/profile.ts';

/** The stages of a node's main thread, by the function and file of a frame. */
export const STAGES: readonly StageRule[] = [
  ['collect garbage', /^\(garbage collector\)/],
  ['door: make tokens', / processors\/door\/tokeniser/],
  ['door: check', / schemas\/events\/(parse|check-record|record-check|bounded)/],
  ['encode', /^encodeEvent /],
  ['decode', /^decodeEvent /],
  ['log: append', /^(append|encodeBatch|#flush|#write) processors\/engine\/log\//],
  ['kafka: take records in', /^convertRecords processors\/engine\/log\//],
  [
    'kafka: append',
    / processors\/engine\/log\/kafka-writer|kafkajs\/src\/(producer|protocol\/(encoder|recordBatch\/(record\/v0\/index|v0\/index|crc32C)|requests\/produce))/,
  ],
  ['kafka: fetch', /kafkajs\/src\/(consumer|protocol)/],
  ['kafka: rest', /kafkajs\//],
  ['log: read', / processors\/engine\/log\//],
  ['deduplicate', / processors\/engine\/operator\/(deduplicate|fingerprint)/],
  ['lines for ClickHouse', / processors\/engine\/(sink\/(tsv|line)|runtime\/task-output)/],
  ['window sums', / processors\/engine\/operator\/window-sums/],
  ['operator: archive', / processors\/archive\//],
  ['operator: traffic', / processors\/traffic\//],
  ['operator: attribution', / processors\/attribution\//],
  ['operator: stock', / processors\/stock\//],
  ['checkpoint: outbox', / processors\/engine\/runtime\/outbox/],
  [
    'checkpoint',
    /^(#commit|checkpoint|collect) processors\/engine\/|processors\/engine\/state\/lmdb/,
  ],
  ['look up state', / processors\/engine\/state\//],
  ['insert', / (processors\/engine\/sink\/clickhouse|chdb\/|@clickhouse\/)/],
  ['publish', / processors\/engine\/runtime\/updates|^publish /],
  ['door: rest', / processors\/door\//],
  ['task', / processors\/engine\/runtime\//],
  ['read the file', / cli\/import\//],
];
