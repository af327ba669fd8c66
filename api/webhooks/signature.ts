import { createHmac, timingSafeEqual } from 'node:crypto';

import { SECOND_MS } from '../../schemas/time.ts';

/** How old a signature may be: longer than clocks differ, shorter than a replay is of use. */
export const SIGNATURE_MS_MAX = 300 * SECOND_MS;

const SIGNATURE = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;
const SLACK_SIGNATURE = /^v0=[0-9a-f]{64}$/;
const SLACK_TIME = /^\d{1,12}$/;

/** What is signed, by what, and when it is looked at. */
export interface Signed {
  readonly body: string;
  readonly secret: string;
  readonly nowMs: number;
}

/** `t=<seconds>,v1=<HMAC-SHA-256 of "<seconds>.<body>", hexadecimal>`. */
export function signatureOf(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / SECOND_MS);
  return `t=${seconds},v1=${hmac(`${seconds}.${body}`, secret)}`;
}

/** Whether a signature is of this body, by the secret, and no more than five minutes old. */
export function isSigned(signature: string, { body, secret, nowMs }: Signed): boolean {
  const match = SIGNATURE.exec(signature);
  if (match === null) return false;
  const signedMs = Number(match[1]) * SECOND_MS;
  if (Math.abs(nowMs - signedMs) > SIGNATURE_MS_MAX) return false;
  return isEqual(signatureOf(body, secret, signedMs), signature);
}

/**
 * The same for Slack, which sends the time in a header of its own: `v0=` and the HMAC-SHA-256 of
 * `v0:<seconds>:<body>`.
 *
 * @see https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export function isSignedBySlack(
  { signature, seconds }: { readonly signature: string; readonly seconds: string },
  { body, secret, nowMs }: Signed,
): boolean {
  if (!SLACK_SIGNATURE.test(signature) || !SLACK_TIME.test(seconds)) return false;
  if (Math.abs(nowMs - Number(seconds) * SECOND_MS) > SIGNATURE_MS_MAX) return false;
  return isEqual(`v0=${hmac(`v0:${seconds}:${body}`, secret)}`, signature);
}

function hmac(text: string, secret: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
