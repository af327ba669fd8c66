import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

const MIB = 1_024 ** 2;

/** Why no small disk can be made here, or undefined: mounting takes Linux and root. */
export function whyNoSmallDisk(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'weir-mount-'));
  try {
    mount(directory, 1);
    execFileSync('umount', [directory]);
    return undefined;
  } catch (error) {
    return `a disk in memory cannot be mounted: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A disk of its own with little room, until the test is over. Call before a server is started on it. */
export function smallDisk(sizeMib: number): { readonly path: string; fill(): void; free(): void } {
  const path = mkdtempSync(join(tmpdir(), 'weir-disk-'));
  mount(path, sizeMib);
  onTestFinished(() => {
    // Lazily: what a killed process had open goes with it.
    execFileSync('umount', ['--lazy', path]);
    rmSync(path, { recursive: true, force: true });
  });
  const ballast = join(path, 'ballast');
  return {
    path,
    /** Leaves no more than a MiB. */
    fill: () => {
      const { bavail, bsize } = statfsSync(path);
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - MIB)));
    },
    free: () => rmSync(ballast),
  };
}

function mount(path: string, sizeMib: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', path], {
    stdio: 'pipe',
  });
}
