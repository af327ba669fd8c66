import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { addKey } from '../../processors/key-file.ts';
import type { Role } from '../../schemas/access.ts';

/*
 * Makes what the containers of compose.yaml need to trust each other, once: passwords, the secret of
 * the tokens, API keys, and the users of ClickHouse. What is there already stays as it is, so it runs
 * before every start. Each container sees the directory with its own secrets alone.
 *
 *   node deploy/compose/setup.ts [/run/weir]
 */

/** 256 bits in hexadecimal. */
const SECRET_BYTES = 32;

/** What a file may be read by: its owner alone, or the other user of a container that has only this directory. */
const OWN = 0o600;
const SHARED = 0o644;

const root = process.argv[2] ?? '/run/weir';
const directory = (name: string): string => {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  return path;
};
const secrets = directory('secrets');
const grafana = directory('grafana');
const prometheus = directory('prometheus');
const clickHouse = directory('clickhouse');
const keys = join(secrets, 'keys.json');

const writerPassword = secretIn(join(secrets, 'clickhouse_password'), OWN);
secretIn(join(secrets, 'tokens_secret'), OWN);
const readerPassword = secretIn(join(grafana, 'clickhouse_password'), SHARED);
secretIn(join(grafana, 'admin_password'), SHARED);
keyIn(join(secrets, 'admin.key'), { name: 'administrator', roles: ['admin'], mode: OWN });
keyIn(join(prometheus, 'weir.key'), { name: 'prometheus', roles: ['read'], mode: SHARED });
writeFileSync(join(clickHouse, 'weir.xml'), clickHouseUsers(writerPassword, readerPassword));
process.stdout.write(`The secrets are in ${root}\n`);

function secretIn(path: string, mode: number): string {
  if (!existsSync(path)) {
    writeFileSync(path, randomBytes(SECRET_BYTES).toString('hex'), { mode, flush: true });
  }
  return readFileSync(path, 'utf8');
}

function keyIn(
  path: string,
  wanted: { readonly name: string; readonly roles: readonly Role[]; readonly mode: number },
): void {
  if (existsSync(path)) return;
  const { name, roles, mode } = wanted;
  const { key } = addKey(keys, { name, roles, nowMs: Date.now(), expiresAtMs: null });
  writeFileSync(path, key, { mode, flush: true });
}

/**
 * The users of deploy/clickhouse/users.sql as a file of ClickHouse's configuration: hashes of
 * passwords, and rights on the one database. The user default, who has no password, stays within the
 * container.
 */
function clickHouseUsers(writer: string, reader: string): string {
  return `<clickhouse>
  <profiles>
    <weir_reading>
      <readonly>2</readonly>
      <max_execution_time>30</max_execution_time>
      <max_memory_usage>2000000000</max_memory_usage>
      <max_rows_to_read>1000000000</max_rows_to_read>
      <max_result_rows>1000000</max_result_rows>
    </weir_reading>
  </profiles>
  <users>
    <default>
      <networks replace="replace"><ip>::1</ip><ip>127.0.0.1</ip></networks>
    </default>
    <weir>
      <password_sha256_hex>${sha256(writer)}</password_sha256_hex>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SELECT, INSERT, TRUNCATE, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER ON weir.*</query>
        <query>GRANT SELECT ON system.columns</query>
        <query>GRANT SELECT ON system.databases</query>
        <query>GRANT SELECT ON system.tables</query>
      </grants>
    </weir>
    <weir_reading>
      <password_sha256_hex>${sha256(reader)}</password_sha256_hex>
      <networks><ip>::/0</ip></networks>
      <profile>weir_reading</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SELECT ON weir.*</query>
        <query>REVOKE SELECT ON weir.dead_letters</query>
        <query>REVOKE SELECT ON weir.dead_letters_log</query>
        <query>REVOKE SELECT ON weir.audit_log</query>
        <query>REVOKE SELECT ON weir.acts_log</query>
      </grants>
    </weir_reading>
  </users>
</clickhouse>
`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
