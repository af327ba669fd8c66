import { type Server, type Socket, connect, createServer } from 'node:net';

/**
 * What becomes of connections:
 * - `open` passes everything on
 * - `refused` nobody listens
 * - `reset_at_connect` each is reset as it is made
 * - `reset_mid_request` each is reset once a half of its first bytes has been passed on
 * - `black_hole` each is accepted, and nothing passes; what waits passes when the way is open again
 */
export type Way = 'open' | 'refused' | 'reset_at_connect' | 'reset_mid_request' | 'black_hole';

interface Connection {
  readonly client: Socket;
  readonly target: Socket;
}

/** A network between a client and a server on this machine, which can be broken. */
export class LoopbackProxy {
  /** Connections that were reset, and those that were accepted while nothing passed. */
  readonly fired = { resets: 0, swallowed: 0 };
  readonly #targetPort: number;
  readonly #connections = new Set<Connection>();
  #server: Server;
  #port = 0;
  #way: Way = 'open';

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = this.#createServer();
  }

  static async to(targetPort: number): Promise<LoopbackProxy> {
    const proxy = new LoopbackProxy(targetPort);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** From now on connections fare so; those that are open too. */
  async take(way: Way): Promise<void> {
    const before = this.#way;
    this.#way = way;
    if (before === 'refused' && way !== 'refused') await this.#listen();
    if (way === 'refused') await this.#stop();
    if (way === 'reset_at_connect' || way === 'reset_mid_request') this.#resetAll();
    for (const { client, target } of this.#connections) {
      if (way === 'black_hole') {
        client.pause();
        target.pause();
      } else {
        client.resume();
        target.resume();
      }
    }
  }

  close(): Promise<void> {
    return this.take('refused');
  }

  #createServer(): Server {
    // Half open sockets would outlive the other half.
    return createServer((client) => this.#accept(client));
  }

  #listen(): Promise<void> {
    this.#server = this.#createServer();
    return new Promise((resolve) => {
      this.#server.listen(this.#port, '127.0.0.1', () => {
        const address = this.#server.address();
        if (typeof address === 'object' && address !== null) this.#port = address.port;
        resolve();
      });
    });
  }

  #stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#resetAll();
    return stopped;
  }

  #resetAll(): void {
    for (const { client, target } of this.#connections) {
      client.resetAndDestroy();
      target.destroy();
    }
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#way === 'reset_at_connect') {
      this.fired.resets += 1;
      client.resetAndDestroy();
      return;
    }
    const target = connect(this.#targetPort, '127.0.0.1');
    const connection = { client, target };
    this.#connections.add(connection);
    target.on('error', () => client.destroy());
    client.on('close', () => {
      target.destroy();
      this.#connections.delete(connection);
    });
    target.on('close', () => client.end());
    client.on('data', (bytes) => this.#pass(connection, bytes));
    target.on('data', (bytes) => client.write(bytes));
    if (this.#way === 'black_hole') {
      this.fired.swallowed += 1;
      client.pause();
      target.pause();
    }
  }

  #pass({ client, target }: Connection, bytes: Buffer): void {
    if (this.#way !== 'reset_mid_request') {
      target.write(bytes);
      return;
    }
    this.fired.resets += 1;
    target.write(bytes.subarray(0, bytes.length / 2), () => {
      client.resetAndDestroy();
      target.destroy();
    });
  }
}
