import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

const MIB = 1_024 ** 2;
const CGROUPS = '/sys/fs/cgroup';

/** A control group with little memory. */
export interface MemoryLimit {
  /** What to put before a command so that it runs in the group. */
  readonly within: readonly string[];
  /** How often the kernel has ended a process of the group. */
  killed(): number;
  /** The most that the group has ever held, in MiB, pages of files among it. */
  peakMib(): number;
}

/** The files of one version of control groups, in the words of its own documentation. */
interface Files {
  readonly parent: string;
  readonly limit: string;
  readonly peak: string;
  /** Has a line `oom_kill` and a number. */
  readonly events: string;
  /** What else to write, where it is there. */
  readonly swap: readonly (readonly [file: string, value: string])[];
}

const FIRST: Files = {
  parent: join(CGROUPS, 'memory'),
  limit: 'memory.limit_in_bytes',
  peak: 'memory.max_usage_in_bytes',
  events: 'memory.oom_control',
  swap: [['memory.swappiness', '0']],
};
const SECOND: Files = {
  parent: CGROUPS,
  limit: 'memory.max',
  peak: 'memory.peak',
  events: 'memory.events',
  swap: [['memory.swap.max', '0']],
};

/** Why no memory can be limited here, or undefined: it takes Linux, root and control groups. */
export function whyNoMemoryLimit(): string | undefined {
  try {
    rmdirSync(group(64).path);
    return undefined;
  } catch (error) {
    return `no control group can be made: ${error instanceof Error ? error.message : ''}`;
  }
}

/** Limits the memory of what runs within it, until the test is over. */
export function memoryLimit(mib: number): MemoryLimit {
  const { path, files } = group(mib);
  onTestFinished(() => rmdirSync(path));
  const read = (file: string): string => readFileSync(join(path, file), 'utf8');
  return {
    within: ['sh', '-c', `echo $$ > ${join(path, 'cgroup.procs')} && exec "$@"`, 'sh'],
    killed: () => Number(/^oom_kill (\d+)$/m.exec(read(files.events))?.[1]),
    peakMib: () => Number(read(files.peak)) / MIB,
  };
}

function group(mib: number): { readonly path: string; readonly files: Files } {
  const files = existsSync(join(FIRST.parent, FIRST.limit)) ? FIRST : SECOND;
  const path = join(files.parent, `weir-test-${randomUUID()}`);
  mkdirSync(path);
  try {
    writeFileSync(join(path, files.limit), String(mib * MIB));
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  for (const [file, value] of files.swap) {
    if (existsSync(join(path, file))) writeFileSync(join(path, file), value);
  }
  return { path, files };
}
