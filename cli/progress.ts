import { Presets, SingleBar } from 'cli-progress';

/** How far a file has been read: a bar on a terminal, nothing where output goes to a file or a program. */
export class Progress {
  readonly #bar: SingleBar | undefined;

  constructor(name: string, bytes: number, isQuiet: boolean) {
    if (isQuiet || !process.stderr.isTTY) return;
    this.#bar = new SingleBar(
      {
        format: `${name} [{bar}] {percentage} %  {duration_formatted}`,
        hideCursor: true,
        stream: process.stderr,
      },
      Presets.shades_classic,
    );
    this.#bar.start(bytes, 0);
  }

  update(bytesRead: number): void {
    this.#bar?.update(bytesRead);
  }

  finish(): void {
    this.#bar?.stop();
  }
}
