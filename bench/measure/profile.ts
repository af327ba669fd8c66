import { type Profiler, Session } from 'node:inspector/promises';

/** Every half millisecond: enough samples in ten seconds, and a few per cent of cost. */
const SAMPLE_INTERVAL_US = 500;

/** Where the main thread's time went. Times are wall time of its samples, in microseconds. */
export interface ProfileSummary {
  readonly stages: readonly Share[];
  readonly functions: readonly Share[];
}

export interface Share {
  readonly name: string;
  readonly us: number;
  /** Of the time in which the main thread did something. */
  readonly share: number;
}

/**
 * Which stage a frame belongs to: the first rule whose pattern matches `function file`. The frame
 * nearest to the sample that has a stage decides.
 */
export type StageRule = readonly [stage: string, pattern: RegExp];

/** Samples the main thread while `work` runs. */
export async function profile(
  work: () => Promise<void>,
  rules: readonly StageRule[],
): Promise<ProfileSummary> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_INTERVAL_US });
  await session.post('Profiler.start');
  await work();
  const { profile: recorded } = await session.post('Profiler.stop');
  session.disconnect();
  return summarise(recorded, rules);
}

function summarise(recorded: Profiler.Profile, rules: readonly StageRule[]): ProfileSummary {
  const nodes = new Map(recorded.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of recorded.nodes) {
    for (const child of children) parents.set(child, id);
  }
  const stageOf = (leaf: number): string => {
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const name = nameOf(nodes.get(id));
      const rule = rules.find(([, pattern]) => pattern.test(name));
      if (rule !== undefined) return rule[0];
    }
    return 'other';
  };
  const stages = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyUs = 0;
  recorded.samples?.forEach((id, index) => {
    const us = recorded.timeDeltas?.[index] ?? 0;
    const name = nameOf(nodes.get(id));
    if (name.startsWith('(idle)')) return;
    busyUs += us;
    // What has no file is native; who called it says more than its name.
    const caller = name.includes(' ') ? '' : ` from ${nameOf(nodes.get(parents.get(id) ?? 0))}`;
    functions.set(name + caller, (functions.get(name + caller) ?? 0) + us);
    const stage = stageOf(id);
    stages.set(stage, (stages.get(stage) ?? 0) + us);
  });
  return { stages: shares(stages, busyUs), functions: shares(functions, busyUs) };
}

function nameOf(node: Profiler.ProfileNode | undefined): string {
  if (node === undefined) return '';
  const { functionName, url } = node.callFrame;
  const file = url
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/(?=(bench|cli|processors|schemas)\/)/, '');
  return `${functionName === '' ? '(anonymous)' : functionName} ${file}`.trim();
}

function shares(times: ReadonlyMap<string, number>, totalUs: number): readonly Share[] {
  return [...times]
    .map(([name, us]) => ({ name, us, share: us / totalUs }))
    .toSorted((a, b) => b.us - a.us);
}
