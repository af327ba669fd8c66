import { once } from 'node:events';

import { WebSocket } from 'ws';

/** What all viewers together have seen. */
export interface Viewers {
  /** From the newest event in a frame to the frame's arrival, per frame and viewer, since `measure`. */
  readonly latenciesMs: readonly number[];
  /** Begins to keep latencies. */
  measure(): void;
  /** Ends the measurement and the connections. @returns connections that had ended before */
  close(): number;
}

/** Bytes at a frame's end that surely hold the fields after its rows. */
const TAIL_BYTES = 200;
const TAIL = /"newest_event_at":(\d+),"pipeline_ms":\d+/;

/**
 * Connects viewers of the topic `channels`. Frames that no event caused, such as those that tell of the
 * watermark, have `pipeline_ms` null and are left out.
 */
export async function connectViewers(url: string, count: number): Promise<Viewers> {
  const latenciesMs: number[] = [];
  let isMeasuring = false;
  let isClosing = false;
  let closed = 0;
  const sockets = Array.from({ length: count }, () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/live`, 'weir.v1');
    socket.on('message', (data: Buffer) => {
      if (!isMeasuring) return;
      const nowMs = Date.now();
      const found = TAIL.exec(data.toString('latin1', Math.max(0, data.length - TAIL_BYTES)));
      if (found !== null) latenciesMs.push(nowMs - Number(found[1]));
    });
    socket.on('close', () => {
      if (!isClosing) closed += 1;
    });
    return socket;
  });
  await Promise.all(
    sockets.map(async (socket) => {
      await once(socket, 'open');
      socket.send(JSON.stringify({ type: 'subscribe', id: 'c', topic: 'channels' }));
    }),
  );
  return {
    latenciesMs,
    measure() {
      isMeasuring = true;
    },
    close() {
      isMeasuring = false;
      isClosing = true;
      for (const socket of sockets) socket.terminate();
      return closed;
    },
  };
}
