import { type IncomingHttpHeaders, type Server, createServer } from 'node:http';

/** What came with one POST. */
export interface Received {
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

/** A server of somebody who wants to hear of alerts: it keeps what it gets, and answers as it is told. */
export class WebhookReceiver {
  received: Received[] = [];
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (piece: Buffer) => {
        body += piece.toString();
      });
      request.on('end', () => {
        this.received.push({ body, headers: request.headers });
        response.writeHead(this.status, { location: 'http://127.0.0.1/elsewhere' }).end();
      });
    });
  }

  static async open(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => {
      receiver.#server.listen(0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return `http://localhost:${port}/hook`;
  }

  close(): void {
    this.#server.close();
  }
}
