/**
 * At the end of the service no request is waited for that GitHub does not answer, and none that has not had its turn: the plugins
 * hold requests back for as long as their limits want. What became of a mutation that was cut off is in doubt.
 */
import type { Octokit } from '@octokit/core';
import type { Ends } from '../domain/ends.ts';

export function endOf({ looks, changes }: Ends, method: string | undefined): AbortSignal {
  return method === undefined || method === 'GET' ? looks : changes;
}

export function endRequests(ends: Ends) {
  return (octokit: Octokit): void => {
    octokit.hook.wrap('request', (request, options) => {
      const signal = endOf(ends, options.method);
      return new Promise((resolve, reject) => {
        const stop = (): void => reject(signal.reason);
        if (signal.aborted) {
          stop();
          return;
        }
        signal.addEventListener('abort', stop, { once: true });
        Promise.resolve(request(options))
          .then(resolve, reject)
          .finally(() => signal.removeEventListener('abort', stop));
      });
    });
  };
}
