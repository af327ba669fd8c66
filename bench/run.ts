import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { bench as botsTruth } from './bots-truth.bench.ts';
import { bench as bots } from './bots.bench.ts';
import { bench as core } from './core.bench.ts';
import { bench as fulfilment } from './fulfilment.bench.ts';
import { bench as kafkaBacklog } from './kafka-backlog.bench.ts';
import { bench as kafkaClients } from './kafka-clients.bench.ts';
import { bench as kafkaLag } from './kafka-lag.bench.ts';
import { bench as kafkaScale } from './kafka-scale.bench.ts';
import { bench as kafkaTakeover } from './kafka-takeover.bench.ts';
import { bench as kafka } from './kafka.bench.ts';
import { bench as latency } from './latency.bench.ts';
import { bench as liftTruth } from './lift-truth.bench.ts';
import { bench as lift } from './lift.bench.ts';
import { readBaseline, saveBaseline } from './measure/baseline.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';
import { resultLines } from './measure/table.ts';
import { bench as pipeline } from './pipeline.bench.ts';
import { bench as prices } from './prices.bench.ts';
import { bench as state } from './state.bench.ts';
import { bench as stockTruth } from './stock-truth.bench.ts';
import { bench as stock } from './stock.bench.ts';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  bots,
  'bots-truth': botsTruth,
  core,
  fulfilment,
  kafka,
  'kafka-backlog': kafkaBacklog,
  'kafka-clients': kafkaClients,
  'kafka-lag': kafkaLag,
  'kafka-scale': kafkaScale,
  'kafka-takeover': kafkaTakeover,
  latency,
  lift,
  'lift-truth': liftTruth,
  pipeline,
  prices,
  state,
  stock,
  'stock-truth': stockTruth,
};

const RUNS = 5;
const BYTES_PER_GB = 1e9;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    events: { type: 'string' },
    save: { type: 'boolean' },
    json: { type: 'boolean' },
  },
});

/** These start a broker, which needs Java, and run when they are named. */
const NAMED_ONLY: ReadonlySet<string> = new Set([
  'kafka',
  'kafka-backlog',
  'kafka-clients',
  'kafka-lag',
  'kafka-scale',
  'kafka-takeover',
]);

const names =
  positionals.length > 0
    ? positionals
    : Object.keys(BENCHES).filter((name) => !NAMED_ONLY.has(name));
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. There are ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(2);
}

const baseline = readBaseline();
const results: BenchResult[] = [];
if (values.json !== true) console.log(machine());
for (const name of names) {
  const directory = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  try {
    const result = await BENCHES[name]?.({
      runs: values.runs === undefined ? RUNS : Number(values.runs),
      directory,
      ...(values.events === undefined ? {} : { events: Number(values.events) }),
    });
    if (result === undefined) continue;
    results.push(result);
    if (values.json !== true) console.log(resultLines(result, baseline).join('\n'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
if (values.json === true) console.log(JSON.stringify(results, undefined, 2));
if (values.save === true) saveBaseline(results);

/** What the figures were measured on; a load above zero at the start says that others were at work. */
function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown model';
  return (
    `${cpus().length} × ${model.trim()}, ${(totalmem() / BYTES_PER_GB).toFixed(0)} GB, ` +
    `Node ${process.versions.node}, ${process.platform}, load ${loadavg()[0]?.toFixed(1)} before the start`
  );
}
