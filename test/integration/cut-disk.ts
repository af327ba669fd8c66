import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { onTestFinished } from 'vitest';

import { temporaryDirectory } from './command-line.ts';

/** Room on the disk; its file takes only what is written. */
const DISK_MIB = 768;
/** ext4 writes its journal by itself this rarely: what nobody flushes stays in memory. */
const COMMIT_SECONDS = 300;
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** Why no power can be cut here, or undefined: it takes Linux, root and a loop device. */
export function whyNoPowerCut(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'weir-mount-'));
  try {
    const image = join(directory, 'probe');
    makeImage(image, 8);
    mount(image, join(directory, 'mounted'));
    execFileSync('umount', [join(directory, 'mounted')]);
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `no disk can be mounted from a file: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * A disk of its own: ext4 on a loop device. What the file system has been told to flush is in the
 * image, what it holds in memory is not, so a copy of the image is the disk after a power cut.
 */
export class CutDisk {
  readonly path: string;
  readonly #directory: string;
  readonly #image: string;
  #cuts = 0;

  constructor() {
    this.#directory = temporaryDirectory();
    this.#image = join(this.#directory, 'image');
    this.path = join(this.#directory, 'mounted');
    makeImage(this.#image, DISK_MIB);
    mount(this.#image, this.path);
    unmountLater(this.path);
  }

  /**
   * Cuts the power while `child` is at work and mounts what a disk would hold then; the child goes on
   * with the old one, as if nothing had happened. Returns where the cut disk is.
   */
  async cut(child: ChildProcess): Promise<string> {
    child.kill('SIGSTOP');
    await stopped(child);
    this.#cuts += 1;
    const image = `${this.#image}-${this.#cuts}`;
    copyFileSync(this.#image, image);
    child.kill('SIGCONT');
    const path = `${this.path}-${this.#cuts}`;
    mount(image, path);
    unmountLater(path);
    return path;
  }
}

/**
 * What to put before a command so that it believes the machine has started anew: after a power cut it
 * has, and lmdb asks.
 */
export function afterReboot(): readonly string[] {
  const file = join(temporaryDirectory(), 'boot-id');
  writeFileSync(file, `${randomUUID()}\n`);
  return ['unshare', '--mount', 'sh', '-c', `mount --bind ${file} ${BOOT_ID} && exec "$@"`, 'sh'];
}

function makeImage(image: string, sizeMib: number): void {
  writeFileSync(image, '');
  truncateSync(image, sizeMib * 1_024 ** 2);
  execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'pipe' });
}

function mount(image: string, path: string): void {
  mkdirSync(path);
  execFileSync('mount', ['-o', `loop,commit=${COMMIT_SECONDS}`, image, path], { stdio: 'pipe' });
}

function unmountLater(path: string): void {
  // Lazily: what a killed process had open goes with it.
  onTestFinished(() => void execFileSync('umount', ['--lazy', path]));
}

/** Resolves when no thread of the process runs or waits for the disk. */
async function stopped({ pid }: ChildProcess): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  const isStopped = (task: string): boolean =>
    /^State:\s+[Tt]/m.test(readFileSync(join(tasks, task, 'status'), 'utf8'));
  while (!readdirSync(tasks).every(isStopped)) await wait(1);
}
