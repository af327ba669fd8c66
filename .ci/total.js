// Adds up the reports of one run of .ci/run: `node .ci/total.js DIRECTORY TEST_SCRIPT…`.
// Prints `N passed, N failed` last and exits with 1 when anything failed.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [directory = '.', ...scripts] = process.argv.slice(2);
let passed = 0;
let failed = 0;

/** Counts one failure that no test stands for. */
function fail(reason) {
  failed += 1;
  console.log(`FAILED: ${reason}`);
}

for (const script of scripts) {
  let report;
  try {
    report = JSON.parse(readFileSync(join(directory, `${script}.json`), 'utf8'));
  } catch {
    fail(`${script} left no report`);
    continue;
  }
  if (report.numPassedTests + report.numFailedTests === 0) fail(`${script} executed no test`);
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  // A file that cannot be loaded has no tests to count.
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  for (const { name } of unloaded) fail(`${script}: ${name} could not be run`);
  // An error outside every test, such as an unhandled rejection.
  if (!report.success && failed === 0) fail(`${script} failed outside its tests`);
}

for (const name of readdirSync(directory).filter((file) => file.endsWith('.check'))) {
  if (readFileSync(join(directory, name), 'utf8').trim() === 'passed') passed += 1;
  else failed += 1;
}

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
