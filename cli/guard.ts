import { SYSTEM_CLOCK } from '../api/clock.ts';
import { Guard } from '../api/guard/guard.ts';
import type { Config } from '../processors/config.ts';
import { systemClock } from '../processors/engine/runtime/system-clock.ts';
import { createLogger } from '../processors/engine/telemetry/log.ts';
import { keyFileOf } from '../processors/key-file.ts';
import { KeyRing } from '../processors/key-ring.ts';

/**
 * Who is let in by the configuration; undefined when requests need no key.
 *
 * @throws {EngineError} AUTH_KEYS_DAMAGED, AUTH_KEYS_MISSING
 */
export function openGuard(config: Config): Guard | undefined {
  const { required, ingest_requests_per_minute, requests_per_minute } = config.auth;
  if (!required) return undefined;
  const keys = new KeyRing(keyFileOf(config), systemClock, createLogger(config.log_level));
  const limits = {
    ingestPerMinute: ingest_requests_per_minute,
    otherPerMinute: requests_per_minute,
  };
  return new Guard(keys, limits, SYSTEM_CLOCK);
}
