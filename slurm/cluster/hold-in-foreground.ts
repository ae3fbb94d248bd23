import { setTimeout } from 'node:timers/promises';
import { OperatorError } from '../../src/domain/errors.ts';
import type { Cluster } from './cluster.ts';

const lookEveryMs = 500;

/** Resolves at the first SIGTERM or SIGINT after the call; the first process of a container would not hear of them otherwise. */
export function toldToEnd(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve);
  });
}

/** Stays until told to end, then takes the cluster down. @throws OperatorError when the cluster ends by itself. */
export async function holdInForeground(cluster: Cluster, told: Promise<NodeJS.Signals>): Promise<void> {
  let signal: NodeJS.Signals | null = null;
  void told.then((name) => {
    signal = name;
  });
  while (signal === null) {
    if (!cluster.isRunning()) {
      await cluster.stop();
      throw new OperatorError(
        `The cluster ${cluster.name} has ended by itself: see what took its supervisor, and start it again.`,
      );
    }
    await Promise.race([told, setTimeout(lookEveryMs)]);
  }
  await cluster.stop();
  console.log(`the cluster ${cluster.name} is down (${signal})`);
}
