import { flag, integer, optionalText } from './setting.ts';

const LOOPBACK = /^(localhost|::1|127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/** A name or address, without a port. */
export function isHost(value: string): boolean {
  return /^[A-Za-z0-9.:-]+$/.test(value);
}

/** An address that other machines cannot reach. */
export function isLoopback(value: string): boolean {
  return LOOPBACK.test(value);
}

/** Who is let in; `weir.example.yaml` says what each is for. */
export const AUTH_SETTINGS = {
  required: flag(false),
  keys_file: optionalText('a file', (value) => value !== ''),
  requests_per_minute: integer(1_200, { min: 1, max: 1_000_000 }),
  ingest_requests_per_minute: integer(60_000, { min: 1, max: 10_000_000 }),
} as const;
