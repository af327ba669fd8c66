#!/usr/bin/env node
// Starts Weir, or says in one line why this Node cannot. Everything that must parse on an old Node
// is in this file: no syntax newer than Node 14. The rest is TypeScript, which Node 24 runs as it is.

import { readFileSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const NODE_MIN = [22, 18]; // The first Node that runs TypeScript without a flag.

/** Commands that hold an engine. */
const WITH_ENGINE = ['demo', 'import', 'processor', 'start'];

const [major, minor] = process.versions.node.split('.').map(Number);

/**
 * glibc would give each of a dozen threads an arena of its own, and keep in them what large buffers
 * leave behind: some 200 MB in an import. It can be told only as a process begins, so this one begins
 * again. Who has set any of it has decided.
 */
function boundMalloc() {
  const bounds = JSON.parse(readFileSync(new URL('malloc.json', import.meta.url), 'utf8'));
  const isTold = Object.keys(bounds).some((name) => name in process.env);
  if (isTold || process.platform !== 'linux' || process.execve === undefined) return;
  if (WITH_ENGINE.indexOf(process.argv[2]) < 0) return;
  const args = [process.execPath].concat(process.execArgv, process.argv.slice(1));
  process.execve(process.execPath, args, Object.assign({}, process.env, bounds));
}

if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) {
  boundMalloc();
  // Stripping the types of 500 files takes half of every start; what it made is kept where packages are.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/weir', import.meta.url)));
  void import('./main.ts'); // A failure is an unhandled rejection, which ends the process.
} else {
  process.stderr.write(
    'Weir needs Node 24, which `npm ci` brings: run it through npm (`npm run demo`) or `npx weir`. ' +
      `This is Node v${process.versions.node}.\n`,
  );
  process.exitCode = 2;
}
