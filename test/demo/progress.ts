/** A bar on a terminal, a line a change elsewhere. */
import { SingleBar } from 'cli-progress';

export class Progress {
  readonly #total: number;
  readonly #bar: SingleBar | null;
  #last = '';

  constructor(total: number) {
    this.#total = total;
    this.#bar = process.stdout.isTTY
      ? new SingleBar({ format: 'jobs {bar} {value}/{total} succeeded, {running} running', hideCursor: true })
      : null;
    this.#bar?.start(total, 0, { running: 0 });
  }

  show(over: number, running: number): void {
    this.#bar?.update(over, { running });
    const line = `${over}/${this.#total} succeeded, ${running} running`;
    if (this.#bar === null && line !== this.#last) console.log(line);
    this.#last = line;
  }

  say(line: string): void {
    if (this.#bar !== null) process.stdout.write('\r\u001b[K');
    console.log(line);
  }

  end(): void {
    this.#bar?.stop();
  }
}
