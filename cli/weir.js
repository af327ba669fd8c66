#!/usr/bin/env node
// Starts Weir, or says in one line why this Node cannot. Everything that must parse on an old Node
// is in this file: no syntax newer than Node 14. The rest is TypeScript, which Node 24 runs as it is.

import module from 'node:module';
import { fileURLToPath } from 'node:url';

const NODE_MIN = [22, 18]; // The first Node that runs TypeScript without a flag.

const [major, minor] = process.versions.node.split('.').map(Number);

if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) {
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
