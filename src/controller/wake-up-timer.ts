/** Sleeps for a time, until it is woken, or until the signal aborts: whatever comes first. Never rejects. */
export class WakeUpTimer {
  #wake: (() => void) | null = null;

  wake(): void {
    this.#wake?.();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
      this.#wake = done;
    });
  }
}
