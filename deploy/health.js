// Ends with 0 when the Weir of this container is ready: /readyz needs no key.

const port = process.env['WEIR_HTTP_PORT'] ?? '8080';

try {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  if (!answer.ok) process.stderr.write(`${await answer.text()}\n`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
