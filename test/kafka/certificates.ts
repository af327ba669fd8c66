import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why certificates cannot be made here; undefined when they can. */
export function whyNoCertificates(): string | undefined {
  return spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0
    ? undefined
    : 'Tests with TLS are skipped: openssl is not installed';
}

/** PEM files of a certificate that `authority` has signed. */
export interface Certificate {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Key and certificate in one file. */
  readonly bothFile: string;
}

/** An authority of its own in `directory`, and certificates of it for 127.0.0.1, one for each name. */
export function createCertificates<Name extends string>(
  directory: string,
  names: readonly Name[],
): ReadonlyMap<Name, Certificate> {
  const caFile = join(directory, 'ca.pem');
  const caKeyFile = join(directory, 'ca.key');
  openssl(['-subj', '/CN=test authority', '-keyout', caKeyFile, '-out', caFile]);
  return new Map(
    names.map((name) => {
      const certFile = join(directory, `${name}.pem`);
      const keyFile = join(directory, `${name}.key`);
      const bothFile = join(directory, `${name}-both.pem`);
      openssl([
        '-subj',
        `/CN=${name}`,
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-CA',
        caFile,
        '-CAkey',
        caKeyFile,
        '-keyout',
        keyFile,
        '-out',
        certFile,
      ]);
      writeFileSync(bothFile, readFileSync(keyFile, 'utf8') + readFileSync(certFile, 'utf8'));
      return [name, { caFile, certFile, keyFile, bothFile }];
    }),
  );
}

function openssl(options: readonly string[]): void {
  const { status, stderr } = spawnSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      ...options,
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`openssl failed: ${stderr}`);
}
