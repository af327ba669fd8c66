#!/usr/bin/env node
// Starts Weir, or says in one line why this Node cannot. Everything that must parse on an old Node
// is in this file: no syntax newer than Node 14. The rest is TypeScript, which Node 24 runs as it is.

const NODE_MIN = [22, 18]; // The first Node that runs TypeScript without a flag.

const [major, minor] = process.versions.node.split('.').map(Number);

if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) {
  void import('./main.ts'); // A failure is an unhandled rejection, which ends the process.
} else {
  process.stderr.write(
    'Weir needs Node 24, which `npm ci` brings: run it through npm (`npm run demo`) or `npx weir`. ' +
      `This is Node v${process.versions.node}.\n`,
  );
  process.exitCode = 2;
}
