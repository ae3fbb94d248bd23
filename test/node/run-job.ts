import { expect } from 'vitest';
import { conclusions, startWorkload } from '../support/workload.ts';
import type { NodeWorld } from './start-node-world.ts';

/** Runs one job to its success, and looks whether it has left something. @returns what it printed. */
export async function runJob(node: NodeWorld, label: string, commands: string): Promise<string> {
  const work = await startWorkload(node.world);
  const file = `${label}-${Math.random().toString(36).slice(2)}`;
  const jobs = work.queue(1, label, `exec > /results/${file} 2>&1\n${commands}`);
  const left = await work.finish(90_000);
  const printed = await node.onNode(
    `cat /results/${file}; [ -s /results/${file} ] || tail -n 30 /results/slurm-*.log`,
  );
  expect([...left, ...conclusions(jobs)], printed).toEqual(['success']);
  expect(await node.leftovers()).toEqual([]);
  return printed;
}
