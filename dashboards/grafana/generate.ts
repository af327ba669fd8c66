import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { PROVISIONING_DIR, provisioningFiles } from './files.ts';

const directory = join(import.meta.dirname, '../..', PROVISIONING_DIR);

rmSync(directory, { recursive: true, force: true });
for (const [path, text] of provisioningFiles()) {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
