import { type Logger, pino } from 'pino';

export type { Logger };

/**
 * One JSON line per entry on standard error: a constant sentence, data in fields. Nothing per event,
 * no payloads, no personal data.
 */
export function createLogger(level: 'error' | 'warn' | 'info' | 'debug'): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: false }),
  );
}
