import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.real.test.ts', 'test/torture/**'],
          testTimeout: 20_000,
          hookTimeout: 20_000,
        },
      },
      {
        // Searches: many short lives of the whole service on a virtual clock.
        test: {
          name: 'torture',
          include: ['test/torture/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 20_000,
        },
      },
      {
        // Real Slurm: a cluster of its own for each file. They wait most of their time; after the searches, which take all of the machine.
        test: {
          name: 'real',
          include: ['test/**/*.real.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
